import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** The protobuf library's codecs: each compiles a message type when it is first used, and with it all types that it can contain. */
const codecs = /[\\/]@bufbuild[\\/]protobuf[\\/]dist[\\/]\w+[\\/](?:from|to)-(?:binary|json)\.js$/;

/** Where a codec looks for what it has compiled, and compiles it. */
const compiling =
  /let compiled = (\w+)\.get\(desc\);\s*if \(compiled === undefined\) \{\s*compiled = compileMessage\(desc\);/;

/**
 * Lets the protobuf library compile a message type no sooner than a message of it comes. A bootstrap or a cluster can
 * contain some thousand types of Envoy's API, of which a configuration uses fifty; the rest would cost every process
 * memory and every start time.
 */
export const lazyProtobuf: Plugin = {
  name: 'lazy-protobuf',
  setup(build) {
    build.onLoad({ filter: codecs }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = compileLate(source, /from-binary\.js$/.test(path));
      if (contents !== undefined) return { contents };
      return { contents: source, warnings: [{ text: `${path} is not as it was: message types are compiled early` }] };
    });
  },
};

/** Undefined: the codec is not the one that this was written for. `hasGroups`: what it compiles is not a function but two. */
export function compileLate(source: string, hasGroups: boolean): string | undefined {
  if (!compiling.test(source)) return undefined;
  const late = (member: string) => `(a, b, c, d) => (real ??= compileMessage(desc))${member}(a, b, c, d)`;
  const standIn = hasGroups ? `{ read: ${late('.read')}, readGroup: ${late('.readGroup')} }` : late('');
  return source.replace(
    compiling,
    (_, known) =>
      `let compiled = ${known}.get(desc); if (compiled === undefined) { let real; compiled = ${standIn}; ${known}.set(desc, compiled);`,
  );
}
