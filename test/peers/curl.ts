import { ensureProgram, runFor } from './install.ts';

export interface Curl {
  binary: string;
  version: string;
}

export async function ensureCurl(): Promise<Curl> {
  const binary = await ensureProgram('curl', ['curl', 'ca-certificates']);
  return { binary, version: runFor('curl', binary, ['--version']).split(' ')[1] ?? '?' };
}
