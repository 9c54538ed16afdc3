import type { Counter, Stats } from '@sofamesh/contract/stats';
import type { CloseCause, TlsSession } from '@sofamesh/contract/transport';

/** Counters of TLS, `listener.ADDRESS.ssl.…` or `cluster.NAME.ssl.…`: Envoy's names. */
export class TlsStats {
  readonly #stats: Stats;
  readonly #prefix: string;
  readonly #handshake: Counter;
  readonly #connectionError: Counter;
  readonly #noCertificate: Counter;
  readonly #sessionReused: Counter;
  readonly #timeout: Counter | undefined;
  readonly #secretsNotReady: Counter;
  readonly #failVerify: Readonly<Record<NonNullable<CloseCause['check']>, Counter>>;
  /** Of versions, cipher suites and curves, by what follows the prefix. */
  readonly #kinds = new Map<string, Counter>();

  /** `prefix` ends in a dot. */
  constructor(stats: Stats, prefix: string) {
    this.#stats = stats;
    this.#prefix = `${prefix}ssl.`;
    const counter = (name: string) => stats.counter(`${this.#prefix}${name}`);
    this.#handshake = counter('handshake');
    this.#connectionError = counter('connection_error');
    this.#noCertificate = counter('no_certificate');
    this.#sessionReused = counter('session_reused');
    const isUpstream = prefix.startsWith('cluster.');
    this.#timeout = isUpstream ? undefined : stats.counter(`${prefix}downstream_cx_transport_socket_connect_timeout`);
    this.#secretsNotReady = stats.counter(
      isUpstream
        ? `${prefix}client_ssl_socket_factory.upstream_context_secrets_not_ready`
        : `${prefix}server_ssl_socket_factory.downstream_context_secrets_not_ready`,
    );
    this.#failVerify = {
      'no-certificate': counter('fail_verify_no_cert'),
      chain: counter('fail_verify_error'),
      name: counter('fail_verify_san'),
      hash: counter('fail_verify_cert_hash'),
    };
  }

  /** A handshake went through. */
  secured(session: TlsSession): void {
    this.#handshake.increment();
    if (session.peerCertificate === undefined) this.#noCertificate.increment();
    if (session.resumed) this.#sessionReused.increment();
    this.#count('versions', session.version);
    if (session.cipher) this.#count('ciphers', session.cipher);
    if (session.curve) this.#count('curves', session.curve);
  }

  /** A connection ended; counts it where a handshake had failed. */
  ended({ kind, check, reason }: CloseCause): void {
    if (kind !== 'tls-failed') return;
    if (reason === 'secrets_not_ready') this.#secretsNotReady.increment();
    else if (reason === 'ERR_TLS_HANDSHAKE_TIMEOUT' && this.#timeout !== undefined) this.#timeout.increment();
    else (check === undefined ? this.#connectionError : this.#failVerify[check]).increment();
  }

  #count(kind: string, name: string): void {
    const key = `${kind}.${name}`;
    let counter = this.#kinds.get(key);
    if (counter === undefined) {
      counter = this.#stats.counter(`${this.#prefix}${key}`);
      this.#kinds.set(key, counter);
    }
    counter.increment();
  }
}
