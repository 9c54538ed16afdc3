import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What a module exports. */
export type ModuleNamespace = Readonly<Record<string, unknown>>;

/** Names packages that are looked for from a folder of the user's, not from this file's. */
const scheme = 'mosn-plugin:';

export function importFile(url: string): Promise<ModuleNamespace> {
  return import(url) as Promise<ModuleNamespace>;
}

/**
 * Imports a package as a module in `folder` would: `require.resolve` cannot find those that are for `import` alone, and an
 * `import` looks from where it stands.
 */
export async function importPackage(name: string, folder: string): Promise<ModuleNamespace> {
  const parentURL = pathToFileURL(join(folder, 'bootstrap')).href;
  const asked = `${scheme}${name}`;
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === asked ? next(name, { ...context, parentURL }) : next(specifier, context),
  });
  try {
    return (await import(asked)) as ModuleNamespace;
  } finally {
    hooks.deregister();
  }
}
