import { CodedError } from '@sofamesh/base/errors';

let lastSecond = Number.NaN;
let lastPrefix = '';
let lastMs = Number.NaN;
let lastText = '';

/**
 * `2026-11-24T15:48:02.123Z`. The part up to the seconds is kept, for formatting a date costs half a microsecond, and so is the
 * whole, for in one millisecond many exchanges may begin.
 */
export function isoTime(wallMs: number): string {
  const ms = Math.floor(wallMs);
  if (ms === lastMs) return lastText;
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastPrefix = new Date(second * 1000).toISOString().slice(0, -4);
  }
  lastMs = ms;
  lastText = `${lastPrefix}${pad(ms % 1000, 3)}Z`;
  return lastText;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const conversions: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getUTCFullYear()),
  m: (date) => pad(date.getUTCMonth() + 1, 2),
  d: (date) => pad(date.getUTCDate(), 2),
  H: (date) => pad(date.getUTCHours(), 2),
  M: (date) => pad(date.getUTCMinutes(), 2),
  S: (date) => pad(date.getUTCSeconds(), 2),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  y: (date) => pad(date.getUTCFullYear() % 100, 2),
  b: (date) => months[date.getUTCMonth()]!,
  a: (date) => days[date.getUTCDay()]!,
  F: (date) => date.toISOString().slice(0, 10),
  T: (date) => date.toISOString().slice(11, 19),
  z: () => '+0000',
  Z: () => 'UTC',
  f: (date) => `${pad(date.getUTCMilliseconds(), 3)}000000`,
  '%': () => '%',
};

/** strftime with Envoy's `%1f` … `%9f` (fractions) and `%3s`, `%6s`, `%9s` (seconds since the epoch with fractions). */
export function compileTime(format: string, where: string): (wallMs: number) => string {
  const parts: ((date: Date) => string)[] = [];
  for (const [, digit, letter, literal] of format.matchAll(/%(\d?)([a-zA-Z%])|([^%]+|%$)/g)) {
    if (literal !== undefined) {
      parts.push(() => literal);
      continue;
    }
    const conversion = conversions[letter!];
    if (conversion === undefined)
      throw new CodedError('bad_format', `${where}: %START_TIME(${format})%: unknown conversion %${letter}`);
    parts.push(digit === '' ? conversion : fraction(letter!, Number(digit), conversion));
  }
  return (wallMs) => {
    const date = new Date(wallMs);
    let text = '';
    for (const part of parts) text += part(date);
    return text;
  };
}

function fraction(letter: string, digits: number, conversion: (date: Date) => string): (date: Date) => string {
  const nanos = (date: Date) => `${pad(date.getUTCMilliseconds(), 3)}000000`.slice(0, digits);
  if (letter === 'f') return nanos;
  return letter === 's' ? (date) => conversion(date) + nanos(date) : conversion;
}
