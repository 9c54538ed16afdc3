import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureGoBuild } from './go.ts';
import { aptInstall, installOnce, runFor, which } from './install.ts';
import { cacheFolder } from './peer.ts';
import type { Launch } from './process.ts';

const interop = join(import.meta.dirname, '..', 'interop');
const grpcioVersion = '1.85.3';

/** A gRPC client of another language: it calls every method of the test service and prints what it saw. */
export interface GrpcClientPeer {
  version: string;
  launch(args: readonly string[]): Launch;
}

/** Our Go program on google.golang.org/grpc. */
export async function ensureGrpcGo(): Promise<GrpcClientPeer> {
  const binary = await ensureGoBuild('grpc-go-client', join(interop, 'go'), [
    'go.mod',
    'go.sum',
    'main.go',
    'cases.go',
  ]);
  return { version: 'google.golang.org/grpc', launch: (args) => ({ name: 'grpc go', command: binary, args }) };
}

/** Our Python program on grpcio. */
export async function ensureGrpcPython(): Promise<GrpcClientPeer> {
  const folder = cacheFolder('python', `grpcio-${grpcioVersion}-${process.arch}`);
  const modules = join(folder, 'modules');
  await installOnce(
    'grpcio',
    () => existsSync(modules),
    () => {
      if (which('python3') === undefined) aptInstall('grpcio', ['python3', 'python3-pip']);
      const unfinished = join(folder, 'unfinished');
      rmSync(unfinished, { recursive: true, force: true });
      const options = ['--quiet', '--disable-pip-version-check', '--only-binary', ':all:', '--target', unfinished];
      runFor('grpcio', 'python3', ['-m', 'pip', 'install', ...options, `grpcio==${grpcioVersion}`]);
      renameSync(unfinished, modules);
    },
  );
  const program = join(interop, 'python', 'grpc_client.py');
  return {
    version: `grpcio ${grpcioVersion}`,
    launch: (args) => ({
      name: 'grpc python',
      command: 'python3',
      args: [program, ...args],
      // Nothing is compiled into the tree.
      env: { PYTHONPATH: modules, PYTHONDONTWRITEBYTECODE: '1', GRPC_VERBOSITY: 'ERROR' },
    }),
  };
}
