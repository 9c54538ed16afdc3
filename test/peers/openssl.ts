import { ensureProgram, runFor } from './install.ts';

export interface Openssl {
  binary: string;
  version: string;
}

export async function ensureOpenssl(): Promise<Openssl> {
  const binary = await ensureProgram('openssl', ['openssl']);
  return { binary, version: runFor('openssl', binary, ['version']).split(' ')[1] ?? '?' };
}
