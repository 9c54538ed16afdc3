const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const whole = /^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/;
const part = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;
/** What an int64 of nanoseconds holds, about 292 years. */
const int64Ms = 2 ** 63 / 1e6;

/** Milliseconds of a duration as Go writes it: `1h30m`, `1.5s`, `0`, or a number of nanoseconds. Undefined: it is none. */
export function goDurationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? bounded(value / 1e6) : undefined;
  if (value === '0') return 0;
  if (typeof value !== 'string' || !whole.test(value)) return undefined;
  let total = 0;
  for (const [, amount, unit] of value.matchAll(part)) total += Number(amount) * unitsMs[unit!]!;
  return bounded(total);
}

function bounded(milliseconds: number): number | undefined {
  return milliseconds <= int64Ms ? milliseconds : undefined;
}

/** `1.5s`, as JSON writes a protobuf Duration; nanoseconds are the least it has. */
export function secondsText(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(9).replace(/\.?0+$/, '')}s`;
}
