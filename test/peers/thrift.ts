import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, ensureProgram, installOnce, runFor, which } from './install.ts';
import { ensureNpmPackages } from './npm-packages.ts';
import { cacheFolder } from './peer.ts';
import type { Launch } from './process.ts';

const interop = join(import.meta.dirname, '..', 'interop');
const npmVersion = '0.24.0';
const pipVersion = '0.25.0';

/** Apache Thrift's libraries with the code that its compiler makes of our service. */
export interface ThriftPeer {
  version: string;
  /** Of npm's package, with the generated code. */
  npmFolder: string;
  launchPython(args: readonly string[]): Launch;
}

export async function ensureThrift(): Promise<ThriftPeer> {
  const compiler = await ensureProgram('thrift', ['thrift-compiler']);
  const { folder: npmFolder } = await ensureNpmPackages(`thrift@${npmVersion}`);
  await generate(compiler, 'js:node,es6', 'gen-nodejs', npmFolder);
  const modules = await ensurePip();
  await generate(compiler, 'py', 'gen-py', modules);
  const program = join(interop, 'python', 'thrift_peer.py');
  return {
    version: `npm ${npmVersion}, pip ${pipVersion}`,
    npmFolder,
    launchPython: (args) => ({
      name: `python thrift ${args[0]}`,
      command: 'python3',
      args: [program, ...args],
      // Nothing is compiled into the tree.
      env: { PYTHONPATH: `${modules}:${join(modules, 'gen-py')}`, PYTHONDONTWRITEBYTECODE: '1' },
    }),
  };
}

async function ensurePip(): Promise<string> {
  const folder = cacheFolder('python', `thrift-${pipVersion}-${process.arch}`);
  const modules = join(folder, 'modules');
  await installOnce(
    'thrift (Python)',
    () => existsSync(modules),
    () => {
      if (which('python3') === undefined) aptInstall('thrift (Python)', ['python3', 'python3-pip']);
      const unfinished = join(folder, 'unfinished');
      rmSync(unfinished, { recursive: true, force: true });
      const options = ['--quiet', '--disable-pip-version-check', '--target', unfinished];
      runFor('thrift (Python)', 'python3', ['-m', 'pip', 'install', ...options, `thrift==${pipVersion}`]);
      renameSync(unfinished, modules);
    },
  );
  return modules;
}

/** Has the compiler write into `folder`/`output`, again when the service has changed. */
async function generate(compiler: string, language: string, output: string, folder: string): Promise<void> {
  const source = join(interop, 'thrift', 'echo.thrift');
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const stamp = join(folder, `${output}-${hash}`);
  await installOnce(
    `code of ${output}`,
    () => existsSync(stamp),
    () => {
      rmSync(join(folder, output), { recursive: true, force: true });
      runFor('thrift compiler', compiler, ['--gen', language, '-o', folder, source]);
      mkdirSync(stamp);
    },
  );
}
