// Plain JavaScript that Node 20 can parse, as start-program.js beside it.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { root } from './root.js';

/** A file of one of the repository's packages. */
const ownFile = /^(@sofamesh\/[\w-]+)((?:\/[\w@][\w@.-]*)+)$/;

/** Path of a workspace below the root, for the files in its folder `src`. */
export function workspaceOf(url) {
  if (!url.startsWith(root)) return undefined;
  const end = url.indexOf('/src/', root.length);
  const workspace = url.slice(root.length, end);
  return end < 0 || workspace.includes('node_modules') ? undefined : workspace;
}

/**
 * The file that the `exports` of one of the repository's packages give for a name, by a pattern that is a plain text.
 * Undefined for anything else, which Node has to find; the file need not be there.
 */
export function exportedUrl(specifier, workspace) {
  const [, name, path] = ownFile.exec(specifier) ?? [];
  if (name === undefined || !usesRootModules(workspace)) return undefined;
  const { folder, names, patterns } = packageOf(name);
  const key = `.${path}`;
  if (names.has(key)) return undefined;
  const fits = ({ before, after }) =>
    key.startsWith(before) && key.endsWith(after) && key.length > before.length + after.length;
  const pattern = patterns.find(fits);
  if (pattern?.target === undefined) return undefined;
  const part = key.slice(pattern.before.length, key.length - pattern.after.length);
  return folder + pattern.target.replace('*', () => part);
}

const rootModules = new Map();

/** Whether no folder `node_modules` is nearer than the root's. */
function usesRootModules(folder) {
  let known = rootModules.get(folder);
  if (known !== undefined) return known;
  const above = folder.lastIndexOf('/');
  known =
    !existsSync(fileURLToPath(`${root}${folder}/node_modules`)) &&
    (above < 0 || usesRootModules(folder.slice(0, above)));
  rootModules.set(folder, known);
  return known;
}

const packages = new Map();

function packageOf(name) {
  let known = packages.get(name);
  if (known === undefined) packages.set(name, (known = readPackage(name)));
  return known;
}

function readPackage(name) {
  try {
    const folder = realpathSync(fileURLToPath(`${root}node_modules/${name}`));
    const exported = Object.entries(JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')).exports);
    const patterns = exported.filter(([key]) => key.includes('*')).map(([key, target]) => patternOf(key, target));
    // The one that says most before its star counts.
    patterns.sort((a, b) => b.before.length - a.before.length || b.after.length - a.after.length);
    return { folder: `${pathToFileURL(folder).href}/`, names: new Set(exported.map(([key]) => key)), patterns };
  } catch {
    return { folder: '', names: new Set(), patterns: [] };
  }
}

function patternOf(key, target) {
  const [before, after] = key.split('*');
  const isPlain =
    typeof target === 'string' && /^\.\/[\w@-][\w@./-]*\*[\w@.-]*$/.test(target) && !target.includes('/.', 1);
  return { before, after, target: isPlain ? target.slice(2) : undefined };
}
