import { type ChannelOptions, Client, type ClientDuplexStream, credentials, Metadata, status } from '@grpc/grpc-js';
import { CodedError } from '@sofamesh/base/errors';
import type {
  MessageStream,
  MessageStreamDialer,
  MessageStreamHandler,
  StreamStatus,
} from '@sofamesh/contract/message-stream';
import type { ClientTls, SubjectAltNameMatch } from '@sofamesh/contract/transport';
import { deserializeBytes, messageBytesMax, serializeBytes } from './raw-bytes.ts';

export interface GrpcDialerOptions {
  /** Addresses as gRPC names them, `127.0.0.1:15010`, `[::1]:15010`, `unix:/path`, `dns:host:port`; tried in turn. */
  readonly targets: readonly string[];
  /** Undefined: plaintext. With TLS the server is verified against the given authorities or the system's, and by its names. */
  readonly tls?: ClientTls;
  /** A silent connection is probed after this; default 30 s, which istiod allows. */
  readonly keepaliveMs?: number;
  /** A probe that is not answered in this time ends the connection. Default 10 s. */
  readonly keepaliveTimeoutMs?: number;
  /** Sent with every stream: authorization, …. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Streams over grpc-js. Every stream gets a connection of its own: reconnecting and its back-off belong to the caller,
 * so grpc-js must not wait on its own schedule before it tries again.
 */
export class GrpcDialer implements MessageStreamDialer {
  readonly #options: GrpcDialerOptions;
  readonly #open = new Set<MessageStream>();
  #attempts = 0;

  constructor(options: GrpcDialerOptions) {
    this.#options = options;
  }

  open(method: string, handler: MessageStreamHandler): MessageStream {
    const { targets } = this.#options;
    const target = targets[this.#attempts++ % targets.length] ?? '';
    const client = new Client(target, this.#credentials(), this.#channelOptions());
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#options.metadata ?? {})) metadata.set(name, value);
    const call = client.makeBidiStreamRequest(method, serializeBytes, deserializeBytes, metadata);
    const stream = new ClientStream(target, call, handler, () => {
      this.#open.delete(stream);
      client.close();
    });
    this.#open.add(stream);
    return stream;
  }

  close(): void {
    for (const stream of this.#open) stream.close();
  }

  #credentials() {
    const { tls } = this.#options;
    if (tls === undefined) return credentials.createInsecure();
    const { authorityPem, subjectAltNames } = tls.verification ?? {};
    return credentials.createSsl(
      bytesOf(authorityPem),
      bytesOf(tls.certificate?.privateKeyPem),
      bytesOf(tls.certificate?.chainPem),
      subjectAltNames === undefined ? {} : { checkServerIdentity: checkNames(subjectAltNames) },
    );
  }

  #channelOptions(): ChannelOptions {
    const { tls, keepaliveMs = 30_000, keepaliveTimeoutMs = 10_000 } = this.#options;
    return {
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.max_send_message_length': messageBytesMax,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      ...(tls?.serverName !== undefined && {
        'grpc.ssl_target_name_override': tls.serverName,
        'grpc.default_authority': tls.serverName,
      }),
    };
  }
}

/** Entries of a certificate's names as Node prints them; one that holds a comma is quoted, and its comma parts nothing. */
const alternativeNames = /(?:[^,"]|"(?:\\.|[^"\\])*")+/g;

/** One of the names must be in the certificate, instead of the host's (Envoy's `match_typed_subject_alt_names`). */
export function checkNames(wanted: readonly SubjectAltNameMatch[]) {
  return (_host: string, { subjectaltname = '' }: { readonly subjectaltname?: string | undefined }) => {
    const entries = (subjectaltname.match(alternativeNames) ?? []).map((entry) => entry.trim());
    if (entries.some((entry) => wanted.some((match) => matches(match, entry)))) return undefined;
    const names = wanted.map(({ value }) => value).join(', ');
    return new CodedError('wrong_identity', `the server's certificate is for ${subjectaltname}, not ${names}`);
  };
}

const labels = { DNS: 'DNS:', URI: 'URI:', IP: 'IP Address:', EMAIL: 'email:' } as const;

/** A regular expression matches nothing: whoever configures a control plane refuses it. */
function matches({ type, kind, value, ignoreCase = false }: SubjectAltNameMatch, entry: string): boolean {
  const label = Object.values(labels).find((each) => entry.startsWith(each));
  if (label === undefined || (type !== undefined && label !== labels[type])) return false;
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const name = fold(entry.slice(label.length));
  const wanted = fold(value);
  if (kind === 'exact') return name === wanted;
  if (kind === 'prefix') return name.startsWith(wanted);
  if (kind === 'suffix') return name.endsWith(wanted);
  return kind === 'contains' && name.includes(wanted);
}

function bytesOf(text: string | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text);
}

class ClientStream implements MessageStream {
  readonly peer: string;
  readonly #call: ClientDuplexStream<Uint8Array, Uint8Array>;

  constructor(
    peer: string,
    call: ClientDuplexStream<Uint8Array, Uint8Array>,
    handler: MessageStreamHandler,
    release: () => void,
  ) {
    this.peer = peer;
    this.#call = call;
    call.on('data', (message: Uint8Array) => handler.onMessage(message));
    call.on('drain', () => handler.onWritable?.());
    // Told by 'status' as well, which comes for every end.
    call.on('error', () => {});
    call.once('status', ({ code, details }: { code: number; details: string }) => {
      release();
      handler.onClose({ code, message: details });
    });
  }

  send(message: Uint8Array): boolean {
    return this.#call.writable ? this.#call.write(message) : true;
  }

  close(reason?: StreamStatus): void {
    if (reason === undefined || reason.code === status.OK) this.#call.end();
    this.#call.cancel();
  }
}
