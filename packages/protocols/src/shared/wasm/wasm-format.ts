import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { FrameEdits, FrameFault, FrameFormat, FrameKind } from '@sofamesh/contract/frame-format';
import type { LocalReply } from '@sofamesh/contract/message';
import {
  type DecodedFrame,
  encodeHeaders,
  heartbeatFlag,
  oneWayFlags,
  otherBodyFlag,
  readExchange,
  requestFlag,
  visitHeaders,
  type WasmExchange,
  writeExchangeHead,
} from './exchange.ts';
import { decodeBuffer, done, encodeBuffer, Guest, type GuestCall, needMoreBytes, type WasmModule } from './guest.ts';

export interface WasmCodecOptions {
  /** Of the protocol. */
  readonly name: string;
  /** Names the guest in errors: its file. */
  readonly origin: string;
  readonly module: WasmModule;
  /** With so many bytes of a frame the guest knows its length. */
  readonly headBytes: number;
  /** One call at a time on a connection; frames have no id. */
  readonly exclusive: boolean;
  /** Gets what the guest logs, and why it had to be replaced. */
  readonly log: (text: string) => void;
}

/** Headers that stand for parts of a call. */
const serviceHeader = ':authority';
const methodHeader = ':path';
const reasonHeader = ':reason';

/** A protocol whose frames a guest reads and writes (docs/wasm-codec.md). Throws `bad_wasm` when the guest cannot be started. */
export function wasmFormat(options: WasmCodecOptions): FrameFormat {
  const codec = new WasmCodec(options);
  const can = (name: GuestCall) => codec.guest.has(name);
  return {
    name: options.name,
    pooling: options.exclusive ? 'exclusive' : 'multiplexed',
    headBytes: options.headBytes,
    length: (bytes, at, end) => codec.length(bytes.subarray(at, Math.min(end, at + options.headBytes))),
    kind: (frame) => codec.kind(frame),
    readId: (frame) => (options.exclusive ? 0 : codec.read(frame).id),
    writeId: (frame, id) => (options.exclusive ? frame : codec.encode(frame, { ...codec.read(frame), id })),
    service: (frame) => codec.header(frame, serviceHeader) ?? '',
    method: (frame) => codec.header(frame, methodHeader)?.replace(/^\//, '') ?? '',
    timeoutMs: (frame) => codec.read(frame).timeoutOrStatus,
    errorReply: (request, id, reply) => codec.hijack(request, id, reply),
    status: (reply) => codec.read(reply).timeoutOrStatus,
    visitHeaders: (frame, visitor) =>
      visitHeaders(codec.read(frame).headers, (name, value) => {
        if (!name.startsWith(':')) visitor(name.toLowerCase(), value);
      }),
    body: (frame) => codec.read(frame).body,
    rebuild: (frame, edits) => codec.rebuild(frame, edits),
    ...(can('proxy_detect_buffer_bytes') && { detect: (prefix: Buffer) => codec.detect(prefix) }),
    ...(can('proxy_keepalive_buffer_bytes') && { heartbeat: (id: number) => codec.heartbeat(id) }),
    ...(can('proxy_reply_keepalive_buffer_bytes') && {
      heartbeatReply: (heartbeat: Buffer) => codec.heartbeatReply(heartbeat),
    }),
  };
}

/** Asks the guest, and replaces it when it trapped. What the guest says is checked; `codec_failed` follows from what throws here. */
class WasmCodec {
  readonly #options: WasmCodecOptions;
  #guest: Guest | undefined;
  #traps = 0;
  /** What frames were decoded to, as long as they live. */
  readonly #read = new WeakMap<Buffer, DecodedFrame>();

  constructor(options: WasmCodecOptions) {
    this.#options = options;
    this.#guest = this.#start();
  }

  get guest(): Guest {
    this.#guest ??= this.#start();
    return this.#guest;
  }

  length(prefix: Buffer): number | FrameFault {
    const { headBytes } = this.#options;
    const [answer, output] = this.#ask('proxy_decode_buffer_bytes', decodeBuffer, prefix);
    if (answer === done) {
      const { drainBytes } = this.#exchange(output);
      if (drainBytes === 0 || drainBytes > prefix.length) {
        throw this.#nonsense(`a frame of ${drainBytes} bytes in ${prefix.length}`);
      }
      return drainBytes;
    }
    if (answer !== needMoreBytes) return { code: 'bad_magic', message: this.#says(`refused the bytes (${answer})`) };
    if (output === undefined) {
      if (prefix.length < headBytes) return 0;
      throw this.#nonsense(`the length of a frame is not known after ${headBytes} bytes`);
    }
    const length = output.length === 4 ? output.readUInt32LE(0) : 0;
    if (length <= prefix.length) throw this.#nonsense(`needs ${length} bytes and has ${prefix.length}`);
    return length;
  }

  kind(frame: Buffer): FrameKind {
    const { flags } = this.read(frame);
    if ((flags & (heartbeatFlag | oneWayFlags)) !== flags) throw this.#nonsense(`flags ${flags}`);
    if ((flags & heartbeatFlag) !== 0) return (flags & requestFlag) !== 0 ? 'heartbeat' : 'heartbeat-reply';
    switch (flags) {
      case requestFlag:
        return 'request';
      case oneWayFlags:
        return 'one-way';
      case 0:
        return 'reply';
      default:
        throw this.#nonsense(`flags ${flags}`);
    }
  }

  read(frame: Buffer): DecodedFrame {
    const known = this.#read.get(frame);
    if (known !== undefined) return known;
    const [answer, output] = this.#ask('proxy_decode_buffer_bytes', decodeBuffer, frame);
    if (answer !== done) throw this.#nonsense(`answers ${answer} to a whole frame`);
    const exchange = this.#exchange(output);
    if (exchange.drainBytes !== frame.length) {
      throw this.#nonsense(`takes ${exchange.drainBytes} bytes of a frame of ${frame.length}`);
    }
    this.#read.set(frame, exchange);
    return exchange;
  }

  header(frame: Buffer, wanted: string): string | undefined {
    let found: string | undefined;
    visitHeaders(this.read(frame).headers, (name, value) => {
      if (name === wanted) found ??= value;
    });
    return found;
  }

  encode(frame: Buffer, exchange: WasmExchange, body?: Buffer): Buffer {
    return this.#written('proxy_encode_buffer_bytes', exchange, frame, body);
  }

  rebuild(frame: Buffer, { service, method, headers, body, status }: FrameEdits): Buffer {
    const before = this.read(frame);
    const isOwn = (name: string) => name === serviceHeader || name === methodHeader;
    const received: [string, string][] = [];
    visitHeaders(before.headers, (name, value) => received.push([name, value]));
    const own = new Map(received.filter(([name]) => isOwn(name)));
    if (service !== undefined) own.set(serviceHeader, service);
    if (method !== undefined) own.set(methodHeader, `/${method}`);
    const others = headers ?? received.filter(([name]) => !isOwn(name));
    const timeoutOrStatus = status === undefined ? before.timeoutOrStatus : nativeStatusOf(status);
    const flags = body === undefined ? before.flags : before.flags | otherBodyFlag;
    return this.encode(frame, { ...before, headers: encodeHeaders([...own, ...others]), flags, timeoutOrStatus }, body);
  }

  hijack(request: Buffer, id: number | bigint, { status, body }: LocalReply): Buffer | undefined {
    if (!this.guest.has('proxy_hijack_buffer_bytes')) return undefined;
    const asked = this.read(request);
    const headers = Buffer.concat([asked.headers, encodeHeaders([[reasonHeader, body]])]);
    const timeoutOrStatus = nativeStatusOf(status);
    return this.#written('proxy_hijack_buffer_bytes', { ...asked, headers, flags: 0, id, timeoutOrStatus }, request);
  }

  heartbeat(id: number): Buffer {
    const flags = heartbeatFlag | requestFlag;
    const exchange = { headers: noBytes, flags, id, timeoutOrStatus: 0, drainBytes: 0 };
    return this.#written('proxy_keepalive_buffer_bytes', exchange);
  }

  heartbeatReply(heartbeat: Buffer): Buffer {
    const exchange = { ...this.read(heartbeat), flags: heartbeatFlag, timeoutOrStatus: 0 };
    return this.#written('proxy_reply_keepalive_buffer_bytes', exchange, heartbeat);
  }

  detect(prefix: Buffer): 'match' | 'mismatch' | 'more' {
    try {
      const [answer] = this.#ask('proxy_detect_buffer_bytes', decodeBuffer, prefix);
      return answer === done ? 'match' : answer === needMoreBytes ? 'more' : 'mismatch';
    } catch {
      return 'mismatch';
    }
  }

  #written(name: GuestCall, exchange: WasmExchange, frame = noBytes, body = noBytes): Buffer {
    const head = writeExchangeHead({ ...exchange, drainBytes: frame.length }, frame.length + body.length);
    const [answer, output] = this.#ask(name, encodeBuffer, head, frame, body);
    if (answer === done && output !== undefined && output.length > 0) return output;
    throw this.#nonsense(`${name}: answers ${answer} with ${output?.length ?? 0} bytes`);
  }

  #exchange(output: Buffer | undefined): DecodedFrame {
    if (output === undefined) throw this.#nonsense('hands no message over');
    try {
      return readExchange(output);
    } catch (thrown) {
      throw this.#named(thrown);
    }
  }

  #ask(name: GuestCall, number: number, ...parts: readonly Buffer[]): [answer: number, output: Buffer | undefined] {
    const { guest } = this;
    try {
      return [guest.call(name, ...parts), guest.take(number)];
    } catch (thrown) {
      this.#guest = undefined;
      this.#traps++;
      // Whoever can make a guest trap can do so again and again: the first time is told, the second, the fourth, the eighth.
      if ((this.#traps & (this.#traps - 1)) === 0) {
        this.#options.log(`the guest failed (${this.#traps} so far): ${messageOf(thrown)}`);
      }
      throw this.#named(thrown);
    }
  }

  #start(): Guest {
    return new Guest(this.#options.module, this.#options.log);
  }

  #says(what: string): string {
    return `${this.#options.origin}: ${what}`;
  }

  #nonsense(what: string): CodedError {
    return new CodedError('bad_wasm_answer', this.#says(what));
  }

  #named(thrown: unknown): unknown {
    if (!(thrown instanceof CodedError)) return thrown;
    return new CodedError(thrown.code, this.#says(thrown.message), { cause: thrown });
  }
}

const noBytes: Buffer = Buffer.alloc(0);

/** Where the proxy speaks, it has HTTP's status and no other. */
function nativeStatusOf(status: number): number {
  return status === 200 ? 0 : status;
}
