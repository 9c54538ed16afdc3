import { stripVTControlCharacters } from 'node:util';
import type { Output } from '../output.ts';

const columnsWithout = 120;
/** Off a terminal a table is printed this often at most. */
const plainIntervalMs = 5_000;

/** Lines above, and a block below them that refreshes in place. Off a terminal, plain text that grows. */
export class Screen {
  readonly #output: Output;
  readonly #columns: (() => number) | undefined;
  readonly #now: () => number;
  #shown: readonly string[] = [];
  #shownAtMs = Number.NEGATIVE_INFINITY;

  /** `columns`: of the terminal; undefined where there is none. */
  constructor(output: Output, columns: (() => number) | undefined, now: () => number) {
    this.#output = output;
    this.#columns = columns;
    this.#now = now;
    if (columns !== undefined) output.write('\x1b[?25l');
  }

  /** A line that stays, above the block. */
  say(line: string): void {
    if (this.#columns === undefined) {
      this.#output.write(`${line}\n`);
      return;
    }
    const shown = this.#shown;
    this.#erase();
    this.#output.write(`${line}\n`);
    this.#draw(shown);
  }

  /** Replaces the block. */
  show(lines: readonly string[]): void {
    if (this.#columns === undefined) {
      if (this.#now() - this.#shownAtMs < plainIntervalMs) return;
      this.#shownAtMs = this.#now();
      this.#output.write(`${lines.join('\n')}\n\n`);
      return;
    }
    if (lines.join('\n') === this.#shown.join('\n')) return;
    this.#erase();
    this.#draw(lines);
  }

  /** The block's last form, which stays. */
  finish(lines: readonly string[]): void {
    this.#erase();
    if (lines.length > 0) this.#output.write(`${lines.join('\n')}\n`);
    this.close();
  }

  /** Gives the cursor back. */
  close(): void {
    if (this.#columns !== undefined) this.#output.write('\x1b[?25h');
  }

  #erase(): void {
    if (this.#shown.length > 0) this.#output.write(`\x1b[${this.#shown.length}A\x1b[0J`);
    this.#shown = [];
  }

  #draw(lines: readonly string[]): void {
    const columns = this.#columns?.() || columnsWithout;
    for (const line of lines) this.#output.write(`${cut(line, columns)}\n`);
    this.#shown = lines;
  }
}

/** A line that is longer than the terminal would take two and spoil the way back. Cut lines lose their colours. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : plain.slice(0, columns);
}
