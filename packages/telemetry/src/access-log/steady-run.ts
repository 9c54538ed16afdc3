import type { LogRecord } from '@sofamesh/contract/access-log';
import type { Operator } from './operators.ts';

/** Values that differ from one exchange to the next, so that nothing next to them is worth keeping. */
const changing =
  /^(?:START_TIME|DURATION|RESPONSE_DURATION|BYTES_RECEIVED|BYTES_SENT|TRACE_ID|SPAN_ID|CONNECTION_ID|DOWNSTREAM_(?:DIRECT_)?REMOTE_(?:ADDRESS|PORT)|REQ\(x-request-id|RESP\(x-envoy-upstream-service-time)\b/i;

/** What stands between two percent signs: true when most exchanges have the same there. */
export function isSteady(operator: string): boolean {
  return !changing.test(operator);
}

/**
 * Neighbours in a format that mostly say the same: method, path, status, host. The values are looked up each time, but the text is only
 * put together anew when one of them is another than the last time, which costs far less than to join and later flatten some twenty
 * pieces for each line of a log.
 */
export class SteadyRun {
  readonly #parts: readonly (string | Operator)[];
  readonly #absent: string;
  readonly #values: (string | number | undefined)[];
  #text = '';
  #kept = false;
  /** The text is one piece of memory. */
  #flat = false;

  constructor(parts: readonly (string | Operator)[], absent: string) {
    this.#parts = parts;
    this.#absent = absent;
    this.#values = new Array(parts.length).fill(undefined);
  }

  render(record: LogRecord): string {
    const parts = this.#parts;
    const values = this.#values;
    let same = this.#kept;
    for (let at = 0; at < parts.length; at++) {
      const part = parts[at]!;
      if (typeof part === 'string') continue;
      const value = part(record);
      if (value === values[at]) continue;
      values[at] = value;
      same = false;
    }
    if (!same) this.#join();
    // It comes again, so it is worth it: V8 puts a joined text into one piece when a letter of it is asked for.
    else if (!this.#flat) this.#flat = this.#text.charCodeAt(0) !== -1;
    return this.#text;
  }

  #join(): void {
    let text = '';
    for (let at = 0; at < this.#parts.length; at++) {
      const part = this.#parts[at]!;
      text += typeof part === 'string' ? part : (this.#values[at] ?? this.#absent);
    }
    this.#text = text;
    this.#kept = true;
    this.#flat = false;
  }
}
