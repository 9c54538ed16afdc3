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

/**
 * Puts, in place of some of Node's modules, objects that load the module when a property of it is first read. `constants`
 * are copied: packages take them apart when they are evaluated.
 */
export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(node:)?(${lazyModules.join('|')})$`) }, ({ path }) => ({
      path,
      namespace: 'lazy-builtin',
    }));
    build.onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, ({ path }) => {
      const real = process.getBuiltinModule(path) as unknown as Record<string, unknown>;
      const names = Object.getOwnPropertyNames(real).filter((name) => identifier.test(name) && name !== 'constants');
      const members = names.map((name) => `get ${name}() { return load().${name}; }`);
      if (real['constants'] !== undefined) members.push(`constants: ${JSON.stringify(real['constants'])}`);
      const contents = [
        'let real;',
        `const load = () => (real ??= process.getBuiltinModule(${JSON.stringify(path)}));`,
        `module.exports = { ${members.join(', ')} };`,
      ];
      return { contents: contents.join('\n'), loader: 'js' };
    });
  },
};
