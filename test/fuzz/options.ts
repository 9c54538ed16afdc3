import { parseArgs } from 'node:util';

export interface FuzzOptions {
  /** Undefined: say which there are. */
  readonly target: string | undefined;
  readonly forMs: number;
  readonly seed: number;
}

export const usage = `npm run fuzz -- TARGET [--for 1m] [--seed N]

  TARGET     a decoder; 'http1': those whose names begin so, which share the time; 'all': each in turn, for that long;
             without one, they are listed
  --for      how long, with s, m or h; default 1m
  --seed     of chance; default: another one every time
`;

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

export interface Hunt {
  readonly target: string;
  readonly forMs: number;
}

/** What is hunted one after the other. Throws an Error for a name that is none and begins none. */
export function huntsOf(target: string, forMs: number, names: readonly string[]): Hunt[] {
  if (target === 'all') return names.map((name) => ({ target: name, forMs }));
  if (names.includes(target)) return [{ target, forMs }];
  const family = names.filter((name) => name.startsWith(`${target}-`));
  if (family.length === 0) throw new Error(`there is no target ${target}: ${names.join(', ')}`);
  return family.map((name) => ({ target: name, forMs: forMs / family.length }));
}

/** Throws an Error with a sentence for whoever typed it. */
export function readOptions(args: readonly string[], nowMs: number): FuzzOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { for: { type: 'string', default: '1m' }, seed: { type: 'string' } },
  });
  if (positionals.length > 1) throw new Error(`one target at a time, not ${positionals.join(' ')}`);
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(values.for) ?? [];
  if (amount === undefined) throw new Error(`--for ${values.for}: a number with s, m or h`);
  const seed = values.seed === undefined ? nowMs % 1_000_000 : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) throw new Error(`--seed ${values.seed}: a whole number`);
  return { target: positionals[0], forMs: Number(amount) * unitsMs[unit!]!, seed };
}
