import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { bundleProgram } from './bundle-program.ts';
import { snapshotProgram } from './snapshot-program.ts';

/** A program in the form in which it starts soonest. */
export interface BundledProgram {
  readonly file: string;
  /** Undefined where Node could make none. */
  readonly snapshot: string | undefined;
}

/** What a bundle was made of: it is used again while all of this is as it was. */
interface Origin {
  readonly node: string;
  readonly snapshot: boolean;
  /** Size and time of change of every file, by its path relative to the root. */
  readonly inputs: Readonly<Record<string, string>>;
}

/**
 * Makes `FOLDER/NAME.mjs` and its snapshot from the sources in `root/apps/NAME`, or finds that those there are still what
 * would be made. Several processes may do so at once: what is unfinished has a name of its own.
 */
export async function keepProgram(root: string, name: string, folder: string): Promise<BundledProgram> {
  const file = join(folder, `${name}.mjs`);
  const blob = join(folder, `${name}.blob`);
  const originFile = join(folder, `${name}.json`);
  const origin = await readOrigin(originFile);
  if (origin !== undefined && origin.node === nodeId && (await isUnchanged(root, origin))) {
    return { file, snapshot: origin.snapshot ? blob : undefined };
  }
  await mkdir(folder, { recursive: true });
  const unfinished = join(folder, `${name}-${process.pid}`);
  const source = join(root, 'apps', name, 'src');
  const newFile = `${unfinished}.mjs`;
  const newBlob = `${unfinished}.blob`;
  try {
    const [inputs, snapshot] = await Promise.all([
      bundleProgram(join(source, 'main.ts'), newFile),
      snapshotProgram(join(source, 'snapshot.ts'), newBlob).then(
        () => true,
        () => false,
      ),
    ]);
    const facts: Origin = { node: nodeId, snapshot, inputs: await describe(root, inputs) };
    // Without it nobody takes the other two for what they may no longer be.
    await rm(originFile, { force: true });
    await rename(newFile, file);
    if (snapshot) await rename(newBlob, blob);
    await writeFile(newFile, JSON.stringify(facts));
    await rename(newFile, originFile);
    return { file, snapshot: snapshot ? blob : undefined };
  } finally {
    await Promise.all([newFile, newBlob].map((path) => rm(path, { force: true })));
  }
}

const nodeId = `${process.version} ${process.arch} ${process.execPath}`;

async function readOrigin(file: string): Promise<Origin | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Origin;
  } catch {
    return undefined;
  }
}

async function isUnchanged(root: string, { inputs }: Origin): Promise<boolean> {
  const same = await Promise.all(
    Object.entries(inputs).map(async ([path, facts]) => (await factsOf(join(root, path))) === facts),
  );
  return same.length > 0 && !same.includes(false);
}

async function describe(root: string, inputs: readonly string[]): Promise<Record<string, string>> {
  const entries = inputs.map(async (path): Promise<[string, string]> => {
    const absolute = join(process.cwd(), path);
    return [relative(root, absolute), await factsOf(absolute)];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function factsOf(path: string): Promise<string> {
  const facts = await stat(path).catch(() => undefined);
  return facts === undefined ? 'missing' : `${facts.size} ${facts.mtimeMs}`;
}
