import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureGoBuild } from './go.ts';

export interface MosnGo {
  binary: string;
  version: string;
}

const folder = join(import.meta.dirname, 'mosn-go');

/** MOSN, the one written in Go, with the protocols that `mosn-go/main.go` takes in. Building it takes minutes once. */
export async function ensureMosnGo(): Promise<MosnGo> {
  const version = /mosn\.io\/mosn v(\S+)/.exec(readFileSync(join(folder, 'go.mod'), 'utf8'))?.[1] ?? '?';
  return { binary: await ensureGoBuild('mosn-go', folder, ['go.mod', 'go.sum', 'main.go']), version };
}
