import type { CodecOptions } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { type Line, parseLine } from './line-message.ts';

const nothing = Buffer.alloc(0);

/** Cuts bytes into lines. */
export abstract class LineCodec {
  readonly connection: Connection;
  protected readonly options: CodecOptions;
  protected over = false;
  #rest: Buffer = nothing;

  constructor(connection: Connection, options: CodecOptions) {
    this.connection = connection;
    this.options = options;
  }

  protected abstract onLine(line: Line): boolean;
  protected abstract refuse(code: string): void;

  get heldBytes(): number {
    return this.#rest.length;
  }

  receive(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let at = bytes.indexOf(10); at >= 0 && !this.over; at = bytes.indexOf(10)) {
      const line = parseLine(bytes.toString('latin1', 0, at));
      bytes = bytes.subarray(at + 1);
      this.#rest = bytes;
      if (line === undefined || !this.onLine(line)) this.refuse('bad_line');
    }
    this.#rest = this.over ? nothing : bytes;
    if (this.#rest.length > this.options.limits.frameBytesMax) this.refuse('line_too_long');
  }

  detach(): Buffer | undefined {
    return undefined;
  }

  send(line: Buffer): void {
    if (!this.over) this.connection.write(line);
  }
}
