export interface HttpHead {
  readonly startLine: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** Who is told what an HTTP/1 connection says. */
export interface HttpListener {
  onMessageHead(head: HttpHead): void;
  onMessageBody(text: string): void;
  /** It is complete. */
  onMessageEnd(): void;
}

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'until-close';

/** Reads requests or responses, one after the other, apart from the proxy's own codecs: small, strict and not fast. */
export class HttpReader {
  readonly #listener: HttpListener;
  /** Whether the message with this head has no body whatever it says: an answer to HEAD, 1xx. */
  readonly #bodiless: (head: HttpHead) => boolean;
  readonly #untilCloseAllowed: boolean;
  #text = '';
  #state: State = 'head';
  #left = 0;

  constructor(kind: 'requests' | 'responses', listener: HttpListener, bodiless: (head: HttpHead) => boolean) {
    this.#listener = listener;
    this.#bodiless = bodiless;
    this.#untilCloseAllowed = kind === 'responses';
  }

  /** Nothing of a message has been read that is not whole. */
  get betweenMessages(): boolean {
    return this.#state === 'head' && this.#text === '';
  }

  /** Throws on what is not HTTP. */
  push(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
    while (this.#step());
  }

  /** The peer ended its direction: true when that is where a message ends. */
  end(): boolean {
    if (this.#state === 'until-close') {
      this.#finish();
      return true;
    }
    return this.betweenMessages;
  }

  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#readHead();
      case 'length':
      case 'chunk':
        return this.#readBody();
      case 'chunk-size': {
        const line = this.#line();
        if (line === undefined) return false;
        if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`chunk size ${JSON.stringify(line)}`);
        this.#left = Number.parseInt(line, 16);
        this.#state = this.#left === 0 ? 'trailers' : 'chunk';
        return true;
      }
      case 'chunk-end': {
        const line = this.#line();
        if (line === undefined) return false;
        if (line !== '') throw new Error(`a chunk is followed by ${JSON.stringify(line)}`);
        this.#state = 'chunk-size';
        return true;
      }
      case 'trailers': {
        const line = this.#line();
        if (line === '') this.#finish();
        return line !== undefined;
      }
      case 'until-close': {
        const text = this.#text;
        this.#text = '';
        if (text !== '') this.#listener.onMessageBody(text);
        return false;
      }
    }
  }

  #readHead(): boolean {
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [startLine = '', ...lines] = this.#text.slice(0, end).split('\r\n');
    this.#text = this.#text.slice(end + 4);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      if (colon <= 0) throw new Error(`header line ${JSON.stringify(line)}`);
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const head = { startLine, headers };
    const length = headers.get('content-length');
    const chunked = headers.get('transfer-encoding') === 'chunked';
    if (chunked && length !== undefined) throw new Error('both content-length and transfer-encoding');
    this.#left = Number(length ?? 0);
    const bodiless =
      this.#bodiless(head) || (!chunked && this.#left === 0 && (length !== undefined || !this.#untilCloseAllowed));
    this.#state = bodiless ? 'head' : chunked ? 'chunk-size' : length === undefined ? 'until-close' : 'length';
    this.#listener.onMessageHead(head);
    if (bodiless) this.#listener.onMessageEnd();
    return true;
  }

  #readBody(): boolean {
    const part = this.#text.slice(0, this.#left);
    if (part === '') return false;
    this.#text = this.#text.slice(part.length);
    this.#left -= part.length;
    const isChunk = this.#state === 'chunk';
    if (this.#left === 0 && isChunk) this.#state = 'chunk-end';
    this.#listener.onMessageBody(part);
    if (this.#left === 0 && !isChunk) this.#finish();
    return true;
  }

  #line(): string | undefined {
    const end = this.#text.indexOf('\r\n');
    if (end < 0) return undefined;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    return line;
  }

  #finish(): void {
    this.#state = 'head';
    this.#listener.onMessageEnd();
  }
}
