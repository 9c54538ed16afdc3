import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { echoService } from './grpc-server.ts';

const callTimeoutMs = 20_000;
const bigBytes = 4 * 1024 * 1024;
const messageBytesMax = 16 * 1024 * 1024;
const manyCalls = 100;

/** One line of what a client in another language prints; this one in Node tells the same. */
export interface CaseReport {
  case: string;
  ok: boolean;
  detail: string;
}

interface Answer {
  message: Buffer;
  header: Metadata;
  trailer: Metadata;
}

/** `Nothing` is no method of the service. */
type Unary = 'Unary' | 'Fail' | 'Hang' | 'Cancelled' | 'Nothing';

export interface UnaryOptions extends CallOptions {
  /** Cancels the call. */
  signal?: AbortSignal;
}

const asIs = (bytes: Buffer) => bytes;

/** grpc-js on the test service, with the cases that the programs in Go and Python have. */
export class GrpcJsClient {
  readonly #client: Client;

  constructor(address: string, tls?: { caFile: string; serverName: string }) {
    const options = {
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.max_send_message_length': messageBytesMax,
      // A connection of its own, so that one client's fate is not another's.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      ...(tls && { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName }),
    };
    const channel = tls ? credentials.createSsl(readFileSync(tls.caFile)) : credentials.createInsecure();
    this.#client = new Client(address, channel, options);
  }

  close(): void {
    this.#client.close();
  }

  /** Rejects with a ServiceError. */
  async unary(
    name: Unary,
    request: Buffer,
    metadata = new Metadata(),
    options: UnaryOptions = deadline(),
  ): Promise<Answer> {
    let header = new Metadata();
    let trailer = new Metadata();
    const message = await new Promise<Buffer>((resolve, reject) => {
      const answered = (error: ServiceError | null, answer?: Buffer) => (error ? reject(error) : resolve(answer!));
      const path = `/mesh.interop.Echo/${name}`;
      // The status is told after the answer.
      const later = (error: ServiceError | null, answer?: Buffer) => setImmediate(answered, error, answer);
      const call = this.#client.makeUnaryRequest<Buffer, Buffer>(path, asIs, asIs, request, metadata, options, later);
      call.once('metadata', (value) => (header = value));
      call.once('status', (value) => (trailer = value.metadata));
      options.signal?.addEventListener('abort', () => call.cancel());
    });
    return { message, header, trailer };
  }

  down(request: string): ClientReadableStream<Buffer> {
    const { path, requestSerialize, responseDeserialize } = echoService.Down;
    const bytes = Buffer.from(request);
    return this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      bytes,
      new Metadata(),
      deadline(),
    );
  }

  both(metadata = new Metadata()): ClientDuplexStream<Buffer, Buffer> {
    const { path, requestSerialize, responseDeserialize } = echoService.Both;
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, deadline());
  }

  async up(messages: readonly Buffer[]): Promise<Buffer> {
    const { path, requestSerialize, responseDeserialize } = echoService.Up;
    return new Promise((resolve, reject) => {
      const call = this.#client.makeClientStreamRequest<Buffer, Buffer>(
        path,
        requestSerialize,
        responseDeserialize,
        new Metadata(),
        deadline(),
        (error, answer) => (error ? reject(error) : resolve(answer!)),
      );
      for (const message of messages) call.write(message);
      call.end();
    });
  }

  /** Every case in its order. */
  async run(): Promise<CaseReport[]> {
    const reports: CaseReport[] = [];
    for (const [name, run] of Object.entries(cases)) {
      try {
        reports.push({ case: name, ok: true, detail: String((await run(this)) ?? '') });
      } catch (error) {
        reports.push({ case: name, ok: false, detail: error instanceof Error ? error.message : String(error) });
      }
    }
    return reports;
  }
}

function deadline(ms = callTimeoutMs): CallOptions {
  return { deadline: Date.now() + ms };
}

/** The error that a call ends with; throws when it does not. */
export async function failure(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('the call went well');
}

const cases: Record<string, (client: GrpcJsClient) => Promise<unknown>> = {
  unary: async (c) => {
    assert.equal((await c.unary('Unary', Buffer.from('hello'))).message.toString(), 'hello');
  },
  metadata: async (c) => {
    const metadata = new Metadata();
    metadata.set('x-word', 'mesh');
    metadata.set('x-raw-bin', Buffer.from([0, 1, 255]));
    const { header, trailer } = await c.unary('Unary', Buffer.alloc(0), metadata);
    assert.deepEqual(header.get('x-word-back'), ['mesh']);
    assert.deepEqual(header.get('x-raw-back-bin'), [Buffer.from([0, 1, 255])]);
    assert.deepEqual(trailer.get('x-end'), ['last']);
  },
  error: async (c) => {
    const error = await failure(c.unary('Fail', Buffer.from('9 déjà vu: 100%')));
    assert.equal(error.code, status.FAILED_PRECONDITION);
    assert.equal(error.details, 'déjà vu: 100%');
    assert.deepEqual(error.metadata.get('x-reason'), ['asked']);
  },
  unimplemented: async (c) => {
    assert.equal((await failure(c.unary('Nothing', Buffer.alloc(0)))).code, status.UNIMPLEMENTED);
  },
  'server-stream': async (c) => {
    let count = 0;
    for await (const message of c.down('200 1000') as AsyncIterable<Buffer>) {
      assert.equal(message.length, 1000);
      assert.ok(message.toString('latin1').startsWith(`${count} `));
      count++;
    }
    assert.equal(count, 200);
  },
  'client-stream': async (c) => {
    const messages = Array.from({ length: 200 }, (_, n) => Buffer.from(`${n} `.repeat(100)));
    const want = createHash('sha256').update(Buffer.concat(messages)).digest('hex');
    assert.equal((await c.up(messages)).toString(), `200 ${want}`);
  },
  bidi: async (c) => {
    const call = c.both();
    for (let n = 0; n < 100; n++) {
      call.write(Buffer.from(`ping ${n}`));
      const [answer] = (await once(call, 'data')) as [Buffer];
      assert.equal(answer.toString(), `ping ${n}`);
    }
    call.end();
    await once(call, 'end');
  },
  deadline: async (c) => {
    const key = Buffer.from(`deadline-${performance.now()}`);
    assert.equal((await failure(c.unary('Hang', key, new Metadata(), deadline(300)))).code, status.DEADLINE_EXCEEDED);
    await upstreamSaw(c, key);
  },
  cancel: async (c) => {
    const key = Buffer.from(`cancel-${performance.now()}`);
    const options = { ...deadline(), signal: AbortSignal.timeout(200) };
    assert.equal((await failure(c.unary('Hang', key, new Metadata(), options))).code, status.CANCELLED);
    await upstreamSaw(c, key);
  },
  big: async (c) => {
    const message = Buffer.from('0123456789abcdef'.repeat(bigBytes / 16));
    assert.ok((await c.unary('Unary', message)).message.equals(message));
  },
  many: async (c) => {
    const one = async (_: unknown, n: number) => {
      const message = Buffer.from(`${n};`.repeat(1 + n * 20));
      assert.ok((await c.unary('Unary', message)).message.equals(message), `call ${n} got another's answer`);
    };
    await Promise.all(Array.from({ length: manyCalls }, one));
  },
  unavailable: async (c) => {
    const metadata = new Metadata();
    metadata.set('x-to', 'dead');
    const error = await failure(c.unary('Unary', Buffer.from('hello'), metadata));
    assert.equal(error.code, status.UNAVAILABLE);
    return error.details;
  },
};

/** Names of the cases, which the programs in Go and Python have too. */
export const caseNames: readonly string[] = Object.keys(cases);

/** Waits until the server says that it saw the call with this key end early. */
async function upstreamSaw(c: GrpcJsClient, key: Buffer): Promise<void> {
  const giveUpAt = Date.now() + callTimeoutMs;
  while ((await c.unary('Cancelled', key)).message.toString() !== '1') {
    if (Date.now() > giveUpAt) throw new Error('the server never saw the end');
    await sleep(20);
  }
}
