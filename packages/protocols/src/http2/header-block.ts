import { HpackDecoder, type HpackSink } from '../shared/hpack/decoder.ts';

/** Puts a header block together from HEADERS and its CONTINUATIONs, and decodes it (RFC 9113 §4.3). */
export class HeaderBlock {
  readonly decoder: HpackDecoder;
  /** More CONTINUATIONs must follow, and nothing else. */
  open = false;
  streamId = 0;
  endStream = false;
  /** The stream was declared to depend on itself. */
  selfDependent = false;
  continuations = 0;
  #bytes: Buffer | undefined = undefined;
  #start = 0;
  #end = 0;
  #fragments: Buffer[] | undefined = undefined;
  #fragmentBytes = 0;

  constructor(tableBytesMax: number) {
    this.decoder = new HpackDecoder({ tableBytesMax });
  }

  /** Octets of a block that is not whole. */
  get heldBytes(): number {
    return this.open ? this.#fragmentBytes : 0;
  }

  begin(streamId: number, endStream: boolean, selfDependent: boolean, bytes: Buffer, start: number, end: number): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.selfDependent = selfDependent;
    this.continuations = 0;
    this.#fragments = undefined;
    this.#fragmentBytes = end - start;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.#fragments ??= [this.#bytes!.subarray(this.#start, this.#end)];
    this.#fragments.push(bytes.subarray(start, end));
    this.#fragmentBytes += end - start;
    this.continuations++;
  }

  /** Throws what the decoder throws. */
  decode(sink: HpackSink): void {
    const bytes = this.#bytes!;
    const fragments = this.#fragments;
    this.#bytes = undefined;
    this.#fragments = undefined;
    if (fragments === undefined) this.decoder.decode(bytes, sink, this.#start, this.#end);
    else this.decoder.decode(Buffer.concat(fragments, this.#fragmentBytes), sink);
  }
}
