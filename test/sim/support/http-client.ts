import { randomInteger } from '@sofamesh/base/random';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { between, bodyBytes, garbage, oneIn, oneOf, pieces, weighted } from './chance.ts';
import { bodyContent, framedBody, framingHeaders, headBytes } from './http-message.ts';
import { type HttpHead, type HttpListener, HttpReader } from './http-reader.ts';
import type { Call, Ledger } from './ledger.ts';
import type { ClientOptions } from './rpc-client.ts';
import { SlowWriter } from './slow-writer.ts';

const connectTimeoutMs = 500;

/** A client of an HTTP service: keeps connections alive, pipelines now and then, dials when all of them are busy. */
export class HttpClient {
  readonly #ledger: Ledger;
  readonly #options: ClientOptions;
  #links: HttpLink[] = [];

  constructor(ledger: Ledger, options: ClientOptions) {
    this.#ledger = ledger;
    this.#options = options;
  }

  /** Makes one call, or does something that a client should not do. */
  act(): void {
    const { random } = this.#ledger.world;
    const link = this.#usableLink();
    if (this.#options.misbehaves && oneIn(random, 6)) link.misbehave();
    else link.call();
  }

  close(): void {
    for (const link of this.#links) link.close();
  }

  #usableLink(): HttpLink {
    const { random } = this.#ledger.world;
    this.#links = this.#links.filter((link) => link.usable);
    const pipelines = oneIn(random, 4);
    const found = this.#links.find((link) => pipelines || link.idle);
    if (found !== undefined) return found;
    const link = new HttpLink(this.#ledger, this.#options);
    this.#links.push(link);
    return link;
  }
}

interface Asked {
  readonly call: Call;
  readonly isHead: boolean;
}

/** One connection of a client; answers come in the order of requests. */
class HttpLink implements ConnectionHandler, HttpListener {
  usable = true;
  readonly #ledger: Ledger;
  readonly #name: string;
  readonly #connection: Connection;
  readonly #reader: HttpReader;
  readonly #writer: SlowWriter;
  readonly #asked: Asked[] = [];
  /** Of the answer that is being read. */
  #head: HttpHead | undefined = undefined;
  #body = '';
  /** This side did something after which the connection may be closed. */
  #harmed = false;
  /** The server said that this answer is the last. */
  #closeAnnounced = false;
  /** A cut answer is shown by a reset, which may overtake its head. */
  #endsWithConnection = false;

  constructor(ledger: Ledger, { name, ip, target }: ClientOptions) {
    const { clock, network } = ledger.world;
    this.#ledger = ledger;
    this.#name = name;
    this.#reader = new HttpReader('responses', this, (head) => isInterim(head) || this.#asked[0]?.isHead === true);
    this.#connection = network.machine(ip).dial({ address: target, connectTimeoutMs }, this);
    this.#writer = new SlowWriter(clock, this.#connection);
  }

  get idle(): boolean {
    return this.#asked.length === 0;
  }

  call(): void {
    const { random } = this.#ledger.world;
    const method = oneOf(random, ['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD']);
    const call = this.#ledger.begin(this.#name, false, method !== 'POST');
    // Its answer may end with the connection, and must then be whole or visibly cut.
    const version = method !== 'PUT' && oneIn(random, 5) ? '1.0' : '1.1';
    if (version === '1.0') {
      this.usable = false;
      this.#endsWithConnection = true;
    }
    const framing = method === 'POST' ? 'length' : method === 'PUT' ? 'chunked' : 'none';
    const bytes = framing === 'none' ? 0 : bodyBytes(random);
    const content = bodyContent(call.token, bytes);
    const head = headBytes(`${method} /shop/${call.token.slice(1, -1)} HTTP/${version}`, {
      host: 'shop',
      'x-bytes': String(content.length),
      ...framingHeaders(framing, content.length),
    });
    this.#asked.push({ call, isHead: method === 'HEAD' });
    const bytesOut = Buffer.concat([head, framedBody(random, content, framing)]);
    if (!oneIn(random, 3)) this.#writer.write(bytesOut);
    else for (const piece of pieces(random, bytesOut)) this.#writer.write(piece, between(random, 0, 15));
  }

  misbehave(): void {
    const { world } = this.#ledger;
    const { random, clock } = world;
    const deed = weighted(random, { reset: 2, leave: 2, halfClose: 2, garbage: 2, truncate: 3, deaf: 3 });
    world.note(`${this.#name} misbehaves: ${deed}`);
    if (deed === 'deaf') {
      this.#connection.pauseReading();
      clock.after(between(random, 1, 200), () => this.#connection.resumeReading());
      return;
    }
    this.usable = false;
    this.#harmed = true;
    this.#writer.act(() => {
      if (deed === 'reset') this.#connection.close('reset');
      else if (deed === 'leave') this.#connection.close('now');
      else if (deed === 'halfClose') this.#connection.end();
      else if (deed === 'garbage') this.#connection.write(garbage(random));
      else {
        const request = headBytes('POST /none HTTP/1.1', { host: 'shop', 'content-length': '9' });
        this.#connection.write(request.subarray(0, 1 + randomInteger(random, request.length - 1)));
        this.#connection.end();
      }
    });
  }

  close(): void {
    this.usable = false;
    this.#harmed = true;
    this.#writer.act(() => this.#connection.close('flush'));
  }

  // ── of the connection ─────────────────────────────────────────────────────────────────────────────────────────

  onBytes(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#ledger.world.violate(`${this.#name} got what is not HTTP: ${error}`);
    }
  }

  onEnd(): void {
    const whole = this.#reader.end();
    this.#gone(whole ? 'the server ended the connection' : 'the server ended in the middle of an answer');
    this.#writer.stop();
    this.#connection.close('flush');
  }

  onClose(cause: CloseCause): void {
    this.#writer.stop();
    this.#gone(`${cause.kind} ${cause.reason}`);
  }

  #gone(why: string): void {
    this.usable = false;
    const begun = this.#head !== undefined;
    const { calm } = this.#ledger.promises;
    for (const [at, { call }] of this.#asked.splice(0).entries()) {
      // An answer that has begun may break when its upstream does; those behind it in the pipeline go with it.
      const broken = (begun || this.#endsWithConnection) && !calm;
      const announced = this.#closeAnnounced && !(begun && at === 0);
      this.#ledger.end(call, 'break', why, this.#harmed || broken || announced);
    }
  }

  // ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────

  onMessageHead(head: HttpHead): void {
    if (isInterim(head)) return;
    this.#head = head;
    this.#body = '';
    if (this.#asked.length === 0) {
      // A last word to a client that sent garbage.
      if (!this.#harmed) this.#ledger.world.violate(`${this.#name} got an answer that it did not ask for`);
    } else if (head.headers.get('connection') === 'close') {
      this.#closeAnnounced = true;
      this.usable = false;
    }
  }

  onMessageBody(text: string): void {
    this.#body += text;
  }

  onMessageEnd(): void {
    const head = this.#head;
    this.#head = undefined;
    const asked = head === undefined ? undefined : this.#asked.shift();
    if (head !== undefined && asked !== undefined) this.#onAnswer(asked, head);
  }

  #onAnswer({ call, isHead }: Asked, { startLine, headers }: HttpHead): void {
    const { world } = this.#ledger;
    const token = headers.get('x-token');
    if (token === undefined) {
      if (!/^HTTP\/1\.[01] [45]/.test(startLine)) world.violate(`${call.token} got ${startLine} from nobody`);
      this.#ledger.end(call, 'error', startLine, this.#harmed);
      return;
    }
    if (token !== call.token) world.violate(`${this.#name} got the answer of ${token} to ${call.token}`);
    const content = isHead ? '' : bodyContent(token, Number(headers.get('x-bytes'))).toString();
    if (this.#body !== content) {
      world.violate(
        `${call.token} got a body of ${this.#body.length} bytes that is not the one of ${content.length} sent`,
      );
    }
    this.#ledger.end(call, 'answer', startLine);
  }
}

function isInterim({ startLine }: HttpHead): boolean {
  return startLine.startsWith('HTTP/1.1 1');
}
