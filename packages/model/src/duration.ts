/**
 * Durations as users write them: Go's form, a sequence of decimal numbers with units (`300ms`, `1.5h`, `1h30m`, `-2s`).
 * Protobuf's JSON form (`1.5s`) is a part of it.
 */
const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const TERM = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;
const DURATION_CHARACTERS_MAX = 64;
/** Go keeps a duration in 64 bits of nanoseconds; beyond that it refuses. */
const DURATION_MS_MAX = 2 ** 63 / 1e6;

/** Milliseconds, with a fraction below one millisecond; undefined if the text is no duration. */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0' || text === '+0' || text === '-0') return 0;
  if (text.length > DURATION_CHARACTERS_MAX) return undefined;
  const negative = text.startsWith('-');
  let at = negative || text.startsWith('+') ? 1 : 0;
  if (at === text.length) return undefined;
  let totalMs = 0;
  while (at < text.length) {
    TERM.lastIndex = at;
    const term = TERM.exec(text);
    if (term === null) return undefined;
    totalMs += Number(term[1]) * UNIT_MS[term[2]!]!;
    at = TERM.lastIndex;
  }
  if (totalMs > DURATION_MS_MAX) return undefined;
  // Nanoseconds are the finest unit: rounding there removes what binary fractions added (1.1s, 0.3s + 0.6s).
  const ms = Math.round(totalMs * 1e6) / 1e6;
  return negative && ms !== 0 ? -ms : ms;
}

/** Milliseconds of a duration that validation has accepted. Throws a RangeError for anything else. */
export function durationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new RangeError(`not a duration: ${JSON.stringify(text)}`);
  return ms;
}
