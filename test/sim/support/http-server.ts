import { randomInteger } from '@sofamesh/base/random';
import type { Connection, ConnectionHandler, Listener } from '@sofamesh/contract/transport';
import { between, bodyBytes, garbage, oneIn, oneOf, pieces, weighted } from './chance.ts';
import { type BodyFraming, bodyContent, framedBody, framingHeaders, headBytes } from './http-message.ts';
import { type HttpHead, type HttpListener, HttpReader } from './http-reader.ts';
import type { Call, Ledger } from './ledger.ts';
import type { ServerOptions } from './rpc-server.ts';
import { SlowWriter } from './slow-writer.ts';

const goodDeeds = { now: 50, slow: 30, failed: 6, interim: 5, lastOne: 5 };
const breakDeeds = { ...goodDeeds, truncated: 8, garbage: 3, reset: 4, leave: 4 };
const allDeeds = {
  ...breakDeeds,
  late: 4,
  never: 5,
  twice: 8,
  silentClose: 5,
  early: 9,
  deaf: 3,
};

type Deed = keyof typeof allDeeds;
const deedsOf: Readonly<Record<ServerOptions['misbehaves'], Readonly<Partial<Record<Deed, number>>>>> = {
  no: goodDeeds,
  break: breakDeeds,
  all: allDeeds,
};

/** An HTTP service: one request at a time on a connection; echoes tokens, and now and then does what it should not. */
export class HttpServer {
  readonly #ledger: Ledger;
  readonly #options: ServerOptions;
  readonly #connections = new Set<HttpServing>();
  #listener: Listener | undefined = undefined;

  constructor(ledger: Ledger, options: ServerOptions) {
    this.#ledger = ledger;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { address } = this.#options;
    const machine = this.#ledger.world.network.machine(address.host);
    this.#listener = await machine.listen({ address }, (connection) => {
      const serving: HttpServing = new HttpServing(this.#ledger, this.#options, connection, () =>
        this.#connections.delete(serving),
      );
      this.#connections.add(serving);
    });
  }

  /** Accepts no more; connections stay. */
  stop(): void {
    void this.#listener?.close();
  }

  close(): void {
    this.stop();
    for (const serving of this.#connections) serving.close();
  }
}

class HttpServing implements ConnectionHandler, HttpListener {
  readonly #ledger: Ledger;
  readonly #options: ServerOptions;
  readonly #connection: Connection;
  readonly #onGone: () => void;
  readonly #name: string;
  readonly #reader: HttpReader;
  readonly #writer: SlowWriter;
  /** A request has come and its answer is not complete. */
  #busy = false;
  #request: HttpHead | undefined = undefined;
  #call: Call | undefined = undefined;
  #body = '';
  #deed: Deed = 'now';

  constructor(ledger: Ledger, options: ServerOptions, connection: Connection, onGone: () => void) {
    this.#ledger = ledger;
    this.#options = options;
    this.#connection = connection;
    this.#onGone = onGone;
    this.#name = `server ${options.address.host}`;
    this.#reader = new HttpReader('requests', this, () => false);
    this.#writer = new SlowWriter(ledger.world.clock, connection);
    connection.setHandler(this);
  }

  close(): void {
    this.#writer.stop();
    this.#connection.close('flush');
  }

  onBytes(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#ledger.world.violate(`${this.#name} got what is not HTTP: ${error}`);
    }
  }

  onEnd(): void {
    this.#writer.stop();
    this.#connection.close('flush');
  }

  onClose(): void {
    this.#writer.stop();
    this.#onGone();
  }

  // ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────

  onMessageHead(head: HttpHead): void {
    const { world } = this.#ledger;
    const { misbehaves } = this.#options;
    if (this.#busy) world.violate(`${this.#name} got ${head.startLine} before it had answered`);
    this.#busy = true;
    this.#request = head;
    this.#body = '';
    const token = /^[A-Z]+ \/shop\/(t\d+) HTTP/.exec(head.startLine)?.[1];
    this.#call = this.#ledger.seen(token === undefined ? token : `<${token}>`, this.#name);
    this.#deed = weighted(world.random, deedsOf[misbehaves]);
    if (this.#call !== undefined) world.note(`${this.#name} will answer ${this.#call.token}: ${this.#deed}`);
    if (this.#deed === 'early') this.#answer();
  }

  onMessageBody(text: string): void {
    this.#body += text;
  }

  onMessageEnd(): void {
    const call = this.#call;
    if (call === undefined) return;
    const bytes = Number(this.#request?.headers.get('x-bytes'));
    if (this.#body !== bodyContent(call.token, bytes).toString()) {
      this.#ledger.world.violate(`${call.token} came with ${this.#body.length} bytes that are not the ${bytes} sent`);
    }
    this.#call = undefined;
    if (this.#deed !== 'early') this.#act(call);
  }

  #act(call: Call): void {
    const { random, clock } = this.#ledger.world;
    this.#call = call;
    switch (this.#deed) {
      case 'slow':
        this.#writer.act(() => this.#answer(), between(random, 1, 80));
        break;
      case 'late':
        this.#writer.act(() => this.#answer(), between(random, 300, 1500));
        break;
      case 'never':
        break;
      case 'garbage':
        this.#writer.write(Buffer.concat([Buffer.from('?'), garbage(random)]));
        break;
      case 'reset':
      case 'leave':
        this.#connection.close(this.#deed === 'reset' ? 'reset' : 'now');
        break;
      case 'interim':
        this.#writer.write(headBytes('HTTP/1.1 103 Early Hints', { 'x-hint': 'h' }));
        this.#writer.act(() => this.#answer(), between(random, 0, 10));
        break;
      case 'deaf':
        this.#answer();
        this.#connection.pauseReading();
        clock.after(between(random, 1, 300), () => this.#connection.resumeReading());
        break;
      default:
        this.#answer();
    }
  }

  // ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────

  #answer(): void {
    const call = this.#call;
    if (call === undefined) return;
    const { random } = this.#ledger.world;
    const deed = this.#deed;
    const isHead = this.#request?.startLine.startsWith('HEAD ') === true;
    const framing = this.#drawFraming(isHead);
    // Bytes behind an answer are told apart from an answer to the next request only if they come with it.
    const bytes = deed === 'twice' ? randomInteger(random, 300) : bodyBytes(random);
    const content = bodyContent(call.token, bytes);
    const head = headBytes(deed === 'failed' ? 'HTTP/1.1 503 Service Unavailable' : 'HTTP/1.1 200 OK', {
      'x-token': call.token,
      'x-bytes': String(content.length),
      ...framingHeaders(framing, content.length),
      ...(framing === 'until-close' || deed === 'lastOne' ? { connection: 'close' } : {}),
    });
    const answer = Buffer.concat([head, isHead ? Buffer.alloc(0) : framedBody(random, content, framing)]);
    if (deed === 'truncated') {
      this.#write(answer.subarray(0, randomInteger(random, answer.length)));
      this.#writer.act(() => this.#connection.close(oneOf(random, ['reset', 'flush'])), between(random, 0, 10));
      return;
    }
    if (deed === 'twice' && this.#options.unsplit) this.#writer.write(Buffer.concat([answer, answer]));
    else this.#write(answer);
    this.#writer.act(() => {
      this.#busy = false;
      if (framing === 'until-close' || deed === 'lastOne') this.#connection.close('flush');
    });
    if (deed === 'silentClose') this.#writer.act(() => this.#connection.close('flush'), between(random, 0, 20));
  }

  #drawFraming(isHead: boolean): BodyFraming {
    const { random } = this.#ledger.world;
    if (isHead || this.#deed === 'twice') return 'length';
    // A body that ends with its connection looks complete wherever it is cut.
    return this.#deed === 'truncated'
      ? oneOf(random, ['length', 'chunked'])
      : oneOf(random, ['length', 'length', 'chunked', 'until-close']);
  }

  #write(bytes: Buffer): void {
    const { random } = this.#ledger.world;
    if (!oneIn(random, 4)) this.#writer.write(bytes);
    else {
      const pauseMsMax = oneOf(random, [5, 60]);
      for (const piece of pieces(random, bytes)) this.#writer.write(piece, between(random, 0, pauseMsMax));
    }
  }
}
