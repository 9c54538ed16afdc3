import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'found');

export interface FoundInput {
  readonly target: string;
  readonly name: string;
  readonly bytes: Buffer;
}

/** Keeps an input that failed; npm test runs it from then on. Returns its path. */
export function keepInput(target: string, kind: string, bytes: Buffer): string {
  const name = `${kind}-${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}`;
  mkdirSync(join(folder, target), { recursive: true });
  const path = join(folder, target, name);
  writeFileSync(path, bytes);
  return path;
}

export function foundInputs(): FoundInput[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((target) =>
    readdirSync(join(folder, target)).map((name) => ({
      target,
      name,
      bytes: readFileSync(join(folder, target, name)),
    })),
  );
}
