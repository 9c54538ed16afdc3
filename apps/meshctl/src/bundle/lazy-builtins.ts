import type { Plugin } from 'esbuild';

/** Node's modules that cannot be part of a snapshot, or would make it larger for nothing. */
const lazyModules = [
  'child_process',
  'crypto',
  'dgram',
  'dns',
  'dns/promises',
  'http',
  'http2',
  'https',
  'inspector',
  'module',
  'net',
  'perf_hooks',
  'timers/promises',
  'tls',
  'worker_threads',
  'zlib',
];

const identifier = /^[A-Za-z_$][\w$]*$/;

/** Leaves these modules to {@link lazyRequire}, one object of each for all that import it. */
export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    const filter = new RegExp(`^(node:)?(${lazyModules.join('|')})$`);
    build.onResolve({ filter }, ({ path }) => ({ path: path.replace(/^node:/, ''), external: true }));
  },
};

/**
 * Text that a bundle in CommonJS begins with: its `require` gives, in place of some of Node's modules, objects that load the
 * module when a property of it is first read. `constants` are copied: packages take them apart when they are evaluated.
 */
export function lazyRequire(): string {
  const makers = lazyModules.map((name) => {
    const real = process.getBuiltinModule(name) as unknown as Record<string, unknown>;
    const names = Object.getOwnPropertyNames(real).filter((each) => identifier.test(each) && each !== 'constants');
    const members = names.map((each) => `get ${each}() { return load().${each}; }`);
    if (real['constants'] !== undefined) members.push(`constants: ${JSON.stringify(real['constants'])}`);
    return `${JSON.stringify(name)}: (load) => ({ ${members.join(', ')} })`;
  });
  return `require = ((requireNow, makers) => {
    const made = new Map();
    const make = (name) => {
      let real;
      return makers[name](() => (real ??= process.getBuiltinModule(name)));
    };
    return (name) => {
      if (!Object.hasOwn(makers, name)) return requireNow(name);
      if (!made.has(name)) made.set(name, make(name));
      return made.get(name);
    };
  })(require, { ${makers.join(',\n')} });`;
}
