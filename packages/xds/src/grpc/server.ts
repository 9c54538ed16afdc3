import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import { CodedError } from '@sofamesh/base/errors';
import type {
  MessageStream,
  MessageStreamHandler,
  MessageStreamServer,
  StreamStatus,
} from '@sofamesh/contract/message-stream';
import type { ServerTls } from '@sofamesh/contract/transport';
import { deserializeBytes, messageBytesMax, serializeBytes } from './raw-bytes.ts';

// It writes errors that it also tells its caller; who wants to see what it does sets the variable.
if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);

type Accept = (stream: MessageStream) => MessageStreamHandler;
type Call = ServerDuplexStream<Uint8Array, Uint8Array>;

/** Streams over grpc-js. Pings of clients are allowed every 10 s, and silent connections are probed every 30 s. */
export class GrpcServer implements MessageStreamServer {
  readonly #server: Server;
  readonly #tls: ServerTls | undefined;
  readonly #streams = new Set<ServerStream>();

  constructor(options: { readonly tls?: ServerTls } = {}) {
    this.#tls = options.tls;
    this.#server = new Server({
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.max_send_message_length': messageBytesMax,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.http2.min_time_between_pings_ms': 10_000,
    });
  }

  handle(method: string, accept: Accept): void {
    const service: ServiceDefinition = {
      stream: {
        path: method,
        requestStream: true,
        responseStream: true,
        requestSerialize: serializeBytes,
        requestDeserialize: deserializeBytes,
        responseSerialize: serializeBytes,
        responseDeserialize: deserializeBytes,
      },
    };
    this.#server.addService(service, {
      stream: (call: Call) => {
        const stream: ServerStream = new ServerStream(call, accept, () => this.#streams.delete(stream));
        this.#streams.add(stream);
      },
    });
  }

  /** `127.0.0.1:15010`, `[::1]:0`, `unix:/path`. May be called for several addresses. */
  listen(address: string): Promise<{ readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, this.#credentials(), (error, port) => {
        if (error === null) resolve({ port });
        else {
          // Its own words say how many addresses failed; why is in brackets.
          const reason = /errors: \[(.*)\]$/.exec(error.message)?.[1] ?? error.message;
          reject(new CodedError('cannot_listen', `cannot listen on ${address}: ${reason}`, { cause: error }));
        }
      });
    });
  }

  async close(graceMs: number): Promise<void> {
    const drained = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const timer = setTimeout(() => this.#cutOff(), graceMs);
    await drained;
    clearTimeout(timer);
  }

  #cutOff(): void {
    for (const stream of this.#streams) stream.close({ code: status.UNAVAILABLE, message: 'the server shuts down' });
    // The statuses are written in this turn; connections go after they had a chance to leave.
    setTimeout(() => this.#server.forceShutdown(), 50);
  }

  #credentials(): ServerCredentials {
    if (this.#tls === undefined) return ServerCredentials.createInsecure();
    const { certificates, verification, requireClientCertificate = false } = this.#tls;
    return ServerCredentials.createSsl(
      verification?.authorityPem === undefined ? null : Buffer.from(verification.authorityPem),
      certificates.map(({ chainPem, privateKeyPem }) => ({
        cert_chain: Buffer.from(chainPem),
        private_key: Buffer.from(privateKeyPem),
      })),
      requireClientCertificate,
    );
  }
}

class ServerStream implements MessageStream {
  readonly peer: string;
  readonly #call: Call;
  #closed = false;

  constructor(call: Call, accept: Accept, release: () => void) {
    this.peer = call.getPeer();
    this.#call = call;
    const handler = accept(this);
    const closed = (reason: StreamStatus) => {
      if (this.#closed) return;
      this.#closed = true;
      release();
      handler.onClose(reason);
    };
    call.on('data', (message: Uint8Array) => {
      if (!this.#closed) handler.onMessage(message);
    });
    call.on('drain', () => {
      if (!this.#closed) handler.onWritable?.();
    });
    call.on('end', () => {
      call.end();
      closed({ code: status.OK, message: '' });
    });
    call.on('cancelled', () => closed({ code: status.CANCELLED, message: 'cancelled by the client' }));
    call.on('error', (error: Partial<{ code: number; details: string }> & Error) =>
      closed({ code: error.code ?? status.UNKNOWN, message: error.details ?? error.message }),
    );
    call.on('close', () => closed({ code: status.UNAVAILABLE, message: 'the connection is gone' }));
  }

  send(message: Uint8Array): boolean {
    return this.#closed ? true : this.#call.write(message);
  }

  close(reason: StreamStatus = { code: status.OK, message: '' }): void {
    if (this.#closed) return;
    if (reason.code === status.OK) this.#call.end();
    else this.#call.emit('error', { code: reason.code, details: reason.message });
  }
}
