import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Address } from '@sofamesh/base/address';
import { type ClientHello, helloBytesMax, readClientHello } from '@sofamesh/base/client-hello';
import type { Clock, Timer } from '@sofamesh/base/clock';
import type { CloseCause, PeerCheck, ServerTls, TlsSession } from '@sofamesh/contract/transport';
import { unshiftInPieces } from './hello-pieces.ts';
import { evidenceOf } from './peer-verifier.ts';
import { type HandshakeOutcome, ServerContexts, shakeHands } from './server-tls.ts';
import { codeOf } from './system-error.ts';
import { NodeTlsSession } from './tls-session.ts';

/** What a hello may need besides, in the heads of its records. */
const recordHeadsBytes = 1024;

/** Who is told what becomes of a handshake: one of the two, once, and never inside a call on it. */
export interface HandshakeOwner {
  readonly local: Address;
  readonly remote: Address;
  secured(socket: TLSSocket, session: TlsSession): void;
  /** The socket is gone or going. */
  failed(cause: CloseCause): void;
}

/**
 * The server's side of a handshake on an accepted socket. The client's hello is read here, for it decides what Node's TLS
 * is made with: by its server name the certificate, by its protocols whether there is ALPN at all. Whoever says nothing
 * costs no TLS state, and whoever does not speak TLS is found out at once.
 */
export class ServerHandshake implements HandshakeOutcome {
  readonly #carrier: Socket;
  readonly #owner: HandshakeOwner;
  #contexts: ServerContexts | undefined = undefined;
  #received: Buffer | undefined = Buffer.alloc(0);
  #timer: Timer | undefined = undefined;
  #over = false;

  constructor(carrier: Socket, owner: HandshakeOwner) {
    this.#carrier = carrier;
    this.#owner = owner;
  }

  start(clock: Clock, tls: ServerTls, received: Buffer): void {
    try {
      this.#contexts = ServerContexts.of(tls);
    } catch (thrown) {
      this.#fail(codeOf(thrown));
      return;
    }
    this.#timer = clock.after(this.#contexts.handshakeTimeoutMs, () => this.#fail('ERR_TLS_HANDSHAKE_TIMEOUT'));
    if (received.length > 0) this.receive(received);
  }

  /** Bytes from the socket; none come any more when Node's TLS has it. */
  receive(chunk: Buffer): void {
    if (this.#over || this.#received === undefined) return;
    const received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    this.#received = received;
    const hello = readClientHello(received);
    if (hello === 'no') this.#fail('ERR_SSL_WRONG_VERSION_NUMBER');
    else if (hello !== 'more' && hello !== 'too-large') this.#shakeHands(hello, received);
    else if (hello === 'too-large' || received.length > helloBytesMax + recordHeadsBytes) {
      this.#fail('the ClientHello is too large');
    }
  }

  /** The client has ended its side, or its connection broke, before it had said enough. */
  interrupted(reason: string): void {
    if (this.#received !== undefined) this.#fail(reason);
  }

  abort(): void {
    if (!this.#over) this.#end({ kind: 'closed', reason: 'closed by this side' });
  }

  #shakeHands(hello: ClientHello, received: Buffer): void {
    const server = this.#contexts!.serverFor(hello);
    if (typeof server === 'string') {
      this.#fail(server);
      return;
    }
    this.#received = undefined;
    const carrier = this.#carrier;
    // Node's TLS takes first what the socket has read, and reads on by itself.
    carrier.pause();
    unshiftInPieces(carrier, received);
    // A client that ends its side now will not be heard of again.
    carrier.allowHalfOpen = false;
    shakeHands(server, carrier, this);
  }

  secured(socket: TLSSocket): void {
    if (this.#over) {
      socket.destroy();
      return;
    }
    const { verifier, requiresCertificate } = this.#contexts!;
    const evidence = evidenceOf(socket, verifier);
    const { certificate } = evidence;
    const anonymous = certificate === undefined && !requiresCertificate;
    const refusal = anonymous ? undefined : verifier.refusal(evidence);
    if (refusal !== undefined) {
      this.#fail(refusal.reason, refusal.check);
      return;
    }
    this.#over = true;
    this.#timer?.cancel();
    socket.allowHalfOpen = true;
    const serverName = socket.servername || undefined;
    this.#owner.secured(socket, new NodeTlsSession(socket, serverName, certificate, verifier.verified(evidence)));
  }

  failed(reason: string, socket: TLSSocket): void {
    // OpenSSL's own refusals of a client certificate.
    if (reason === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') this.#fail(reason, 'no-certificate');
    else if (socket.authorizationError) this.#fail(String(socket.authorizationError), 'chain');
    else this.#fail(reason);
  }

  keys(line: Buffer): void {
    this.#contexts?.keyLogger?.log(line, this.#owner.local, this.#owner.remote);
  }

  #fail(reason: string, check?: PeerCheck): void {
    if (!this.#over) this.#end({ kind: 'tls-failed', reason, ...(check !== undefined && { check }) });
  }

  #end(cause: CloseCause): void {
    this.#over = true;
    this.#timer?.cancel();
    // A TLS socket on it goes with it.
    this.#carrier.destroy();
    setImmediate(() => this.#owner.failed(cause));
  }
}
