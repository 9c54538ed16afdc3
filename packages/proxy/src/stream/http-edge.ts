import type { Clock } from '@sofamesh/base/clock';
import type { LocalReply, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import type { Connection } from '@sofamesh/contract/transport';
import type { HttpProxyConfig } from '../config/listener.ts';
import { normalizePath } from './normalize-path.ts';
import { pathRefused, upgradeRefused } from './replies.ts';

/** Headers that only a trusted proxy may set: taken from what comes from outside. */
const internalHeaders = [
  'x-envoy-attempt-count',
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-internal',
  'x-envoy-ip-tags',
  'x-envoy-is-timeout-retry',
  'x-envoy-max-retries',
  'x-envoy-original-path',
  'x-envoy-original-url',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-upstream-rq-timeout-ms',
];

/**
 * What an HTTP proxy adds to a message because it is a hop, as Envoy's connection manager does: where the request came
 * from, its id, its path in normal form; on the answer who served it and when. RPC has none of this.
 */
export class HttpEdge {
  readonly #config: HttpProxyConfig;
  readonly #clock: Clock;
  readonly #requestId: () => string;
  readonly #upgrades: ReadonlySet<string>;
  readonly #setsServer: boolean;
  #date = '';
  #dateSecond = -1;

  constructor(config: HttpProxyConfig, clock: Clock, requestId: () => string) {
    this.#config = config;
    this.#clock = clock;
    this.#requestId = requestId;
    this.#upgrades = new Set(config.upgrades);
    this.#setsServer = config.serverHeader === 'overwrite';
  }

  /** Before routes and filters see the request. An answer refuses it. */
  onRequest(head: RequestHead, connection: Connection): LocalReply | undefined {
    const config = this.#config;
    const { upgrade } = head;
    if (upgrade !== undefined && !this.#upgrades.has(upgrade)) return upgradeRefused;
    if (head.method === 'CONNECT' && !this.#upgrades.has('connect')) return upgradeRefused;
    if (config.normalizePath || config.mergeSlashes) {
      const path = normalizePath(head.path, config.normalizePath, config.mergeSlashes);
      if (path === undefined) return pathRefused;
      if (path !== head.path) head.path = path;
    }
    let external = false;
    if (config.useRemoteAddress) external = this.#onRemoteAddress(head, connection);
    else if (head.get('x-forwarded-proto') === undefined) setScheme(head, connection);
    if (config.generateRequestId) {
      const overwrite = external && !config.preserveExternalRequestId;
      if (overwrite || head.get('x-request-id') === undefined) head.set('x-request-id', this.#requestId());
    }
    if (config.via !== '') head.add('via', config.via);
    return undefined;
  }

  /** True when the request comes from outside: from an address that is not private, or through such a hop. */
  #onRemoteAddress(head: RequestHead, connection: Connection): boolean {
    const config = this.#config;
    const address = connection.remote.kind === 'ip' ? connection.remote.host : '';
    const before = head.get('x-forwarded-for');
    const client = config.xffTrustedHops > 0 ? (trustedClient(before, config.xffTrustedHops) ?? address) : address;
    const external = before !== undefined || !isPrivate(client);
    if (config.xffTrustedHops === 0 || head.get('x-forwarded-proto') === undefined) setScheme(head, connection);
    if (!config.skipXffAppend && address !== '') {
      head.set('x-forwarded-for', before === undefined ? address : `${before},${address}`);
    }
    if (!external) head.set('x-envoy-internal', 'true');
    else {
      for (const name of internalHeaders) if (head.get(name) !== undefined) head.remove(name);
      head.set('x-envoy-external-address', client);
    }
    return external;
  }

  /** Last, when the head of an upstream's answer goes to the client. */
  onResponse(head: ResponseHead): void {
    const config = this.#config;
    if (this.#setsServer) head.set('server', config.serverName);
    else if (config.serverHeader === 'append-if-absent' && head.get('server') === undefined) {
      head.set('server', config.serverName);
    }
    if (head.get('date') === undefined) head.set('date', this.#now());
    if (config.via !== '') head.add('via', config.via);
  }

  /** An answer of the proxy's own. */
  onReply(reply: LocalReply): LocalReply {
    const headers: (readonly [string, string])[] = reply.headers === undefined ? [] : [...reply.headers];
    headers.push(['date', this.#now()]);
    if (this.#config.serverHeader !== 'pass-through') headers.push(['server', this.#config.serverName]);
    return { ...reply, headers };
  }

  /** As the `date` header has it; formatted once a second. */
  #now(): string {
    const wallMs = this.#clock.wallMs();
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(wallMs).toUTCString();
    }
    return this.#date;
  }
}

function setScheme(head: RequestHead, connection: Connection): void {
  head.set('x-forwarded-proto', connection.tls === undefined ? 'http' : 'https');
}

/** The address that the last trusted hop has seen: the one before `hops` from the right is ours, so that many back. */
function trustedClient(forwardedFor: string | undefined, hops: number): string | undefined {
  const addresses = forwardedFor?.split(',') ?? [];
  return addresses[addresses.length - hops]?.trim();
}

/** RFC 1918, loopback, unique local: what Envoy takes for internal by default. */
function isPrivate(address: string): boolean {
  if (address.includes(':')) {
    const lower = address.toLowerCase();
    return lower === '::1' || /^f[cd]/.test(lower) || (lower.startsWith('::ffff:') && isPrivate(lower.slice(7)));
  }
  return /^(10\.|127\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address);
}
