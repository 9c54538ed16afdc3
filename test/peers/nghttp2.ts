import { ensureProgram, runFor } from './install.ts';

/** nghttp2's client (nghttp) and load generator (h2load), from Debian's package. */
export interface Nghttp2 {
  nghttp: string;
  h2load: string;
  version: string;
}

export async function ensureNghttp2(): Promise<Nghttp2> {
  const packages = ['nghttp2-client'];
  const nghttp = await ensureProgram('nghttp', packages);
  const h2load = await ensureProgram('h2load', packages);
  const version = runFor('nghttp', nghttp, ['--version']).trim().split('/').pop() ?? '?';
  return { nghttp, h2load, version };
}
