import { ensureGoProgram } from './go.ts';

/** The judge of HTTP/2: 147 cases under `-S`. */
const version = 'v0.0.0-20200804131034-70ac22940108';

export interface H2spec {
  binary: string;
  version: string;
}

export async function ensureH2spec(): Promise<H2spec> {
  return { binary: await ensureGoProgram('h2spec', 'github.com/summerwind/h2spec/cmd/h2spec', version), version };
}
