import type { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { CodedError } from '@sofamesh/base/errors';
import type { ClientTls, TlsSession } from '@sofamesh/contract/transport';
import { KeyLogger } from './key-log.ts';
import { evidenceOf, type PeerRefusal, PeerVerifier } from './peer-verifier.ts';
import { ContentCache, contextOptions, tlsProblem } from './secure-context.ts';
import { NodeTlsSession } from './tls-session.ts';

const sessionsDefault = 1;
const compiled = new WeakMap<ClientTls, ClientContext>();
const contexts = new ContentCache<SecureContext>();

/** A session that may be resumed, and what its handshake told of the server: Node does not tell that again. */
interface KeptSession {
  readonly ticket: Buffer;
  readonly certificate: X509Certificate | undefined;
  readonly chainError: string | undefined;
}

/** The client's side of TLS, ready for handshakes, with the sessions that may be resumed. */
export class ClientContext {
  readonly keyLogger: KeyLogger | undefined;
  readonly verifier: PeerVerifier | undefined;
  readonly tls: ClientTls;
  readonly #context: SecureContext;
  readonly #sessionsMax: number;
  /** The newest one last. They are of the same rules for the server, and of one that kept them. */
  readonly #sessions: KeptSession[] = [];

  /** Throws a CodedError where authorities, certificate, key or a name cannot be used. */
  static of(tls: ClientTls): ClientContext {
    let context = compiled.get(tls);
    if (context === undefined) {
      context = new ClientContext(tls);
      compiled.set(tls, context);
    }
    return context;
  }

  private constructor(tls: ClientTls) {
    if (tls.secretsMissing) throw new CodedError('secrets_not_ready', 'its secrets have not come yet');
    this.tls = tls;
    const options = contextOptions(tls, tls.certificate === undefined ? [] : [tls.certificate]);
    try {
      this.#context = contexts.get(options, () => createSecureContext(options));
    } catch (thrown) {
      throw new CodedError('bad_certificate', tlsProblem(thrown), { cause: thrown });
    }
    this.verifier = tls.verification === undefined ? undefined : new PeerVerifier(tls.verification, 'server');
    this.keyLogger = tls.keyLog === undefined ? undefined : new KeyLogger(tls.keyLog);
    // Dates that do not matter are a matter of the whole chain, which a resumed session does not show again.
    this.#sessionsMax = tls.verification?.allowExpired ? 0 : (tls.sessionsMax ?? sessionsDefault);
  }

  /** Starts the handshake on a connected socket. */
  shakeHands(carrier: Socket): ClientHandshake {
    const { serverName = '', alpn = [] } = this.tls;
    const kept = this.#sessions.pop();
    const options: ConnectionOptions = {
      socket: carrier,
      secureContext: this.#context,
      // The extension holds names only (RFC 6066 §3).
      ...(serverName !== '' && isIP(serverName) === 0 && { servername: serverName }),
      ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
      ...(kept !== undefined && { session: kept.ticket }),
      // Judged by us, resumed sessions included. As in Envoy the rules decide, and the name that was dialled does not.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    };
    const handshake = new ClientHandshake(this, connect(options), kept);
    if (this.#sessionsMax > 0) handshake.socket.on('session', (ticket) => handshake.keep(ticket));
    return handshake;
  }

  keep(session: KeptSession): void {
    if (this.#sessionsMax === 0) return;
    this.#sessions.push(session);
    if (this.#sessions.length > this.#sessionsMax) this.#sessions.shift();
  }
}

/** One handshake of a client. */
export class ClientHandshake {
  readonly socket: TLSSocket;
  readonly #context: ClientContext;
  readonly #kept: KeptSession | undefined;
  /** Undefined until the server was judged, and when it was refused. */
  #accepted: Omit<KeptSession, 'ticket'> | undefined = undefined;

  constructor(context: ClientContext, socket: TLSSocket, kept: KeptSession | undefined) {
    this.#context = context;
    this.socket = socket;
    this.#kept = kept;
  }

  /** When it went through: why the server is not who it should be, or the session. */
  judge(): PeerRefusal | TlsSession {
    const { socket } = this;
    const { verifier, tls } = this.#context;
    const shown = evidenceOf(socket, verifier);
    const { resumed } = shown;
    const evidence = resumed && this.#kept !== undefined ? { ...shown, ...this.#kept } : shown;
    const { certificate, chainError } = evidence;
    const refusal = verifier?.refusal(evidence);
    if (refusal !== undefined) return refusal;
    this.#accepted = { certificate, chainError };
    // Until the server sends another one, which OpenSSL does not do for a session that was resumed. That an onlooker can
    // tell that two connections are of one proxy (RFC 8446 §C.4) is no secret: they come from one address.
    if (resumed && this.#kept !== undefined) this.#context.keep(this.#kept);
    return new NodeTlsSession(socket, tls.serverName, certificate, verifier?.verified(evidence) === true);
  }

  keep(ticket: Buffer): void {
    if (this.#accepted !== undefined) this.#context.keep({ ticket, ...this.#accepted });
  }
}
