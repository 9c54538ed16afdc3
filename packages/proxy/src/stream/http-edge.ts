import type { Clock } from '@sofamesh/base/clock';
import { type LocalReply, type RequestHead, ResponseFlag, type ResponseHead } from '@sofamesh/contract/message';
import type { Counter, Stats } from '@sofamesh/contract/stats';
import type { Connection } from '@sofamesh/contract/transport';
import type { HttpProxyConfig } from '../config/listener.ts';
import { isGrpc } from '../route/grpc.ts';
import type { RouteSlot } from '../route/route-slots.ts';
import { compileClientCertificate } from './client-certificate.ts';
import { ClientIdentity } from './client-identity.ts';
import { compileHostForm } from './host-form.ts';
import { compilePathForm, hasEscapedSlashes } from './normalize-path.ts';
import { compileProxyStatus } from './proxy-status.ts';
import { addressUnknown, pathRefused, underscoreRefused } from './replies.ts';

/** Of all names that follow. */
const privatePrefix = 'x-envoy-';
/** What only somebody internal may say. */
const internalHeaders = [
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-ip-tags',
  'x-envoy-max-retries',
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
/** And what, at the edge of the trusted network, nobody outside may. */
const edgeHeaders = [
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-host',
  'x-envoy-original-path',
];

/** What an edge has from its proxy. */
export interface EdgeParts {
  readonly clock: Clock;
  readonly requestId: () => string;
  readonly stats: Stats;
  /** `http.PREFIX.` */
  readonly statPrefix: string;
  readonly routes: RouteSlot;
  /** This machine's; for X-Forwarded-For of clients on it. */
  readonly localAddress: string | undefined;
}

/** A change to a request that was configured. An answer refuses the request. */
type Step = (head: RequestHead, connection: Connection) => LocalReply | undefined;

/**
 * What an HTTP proxy does to a message because it is a hop, as Envoy's connection manager does: host and path in normal
 * form, where the request came from, its id; on the answer who served it and when. What is not configured is not there.
 * RPC has none of this.
 */
export class HttpEdge {
  readonly identity: ClientIdentity;
  /** See {@link HttpProxyConfig.schemeOfUpstream}. */
  readonly schemeOfUpstream: boolean;
  readonly #config: HttpProxyConfig;
  readonly #parts: EdgeParts;
  readonly #steps: readonly Step[];
  readonly #certificate: ReturnType<typeof compileClientCertificate>;
  readonly #setsServer: boolean;
  readonly #proxyStatus: ReturnType<typeof compileProxyStatus> | undefined;
  #date = '';
  #dateSecond = -1;

  /** Throws a CodedError that begins with `where`. */
  constructor(config: HttpProxyConfig, parts: EdgeParts, where: string) {
    this.#config = config;
    this.schemeOfUpstream = config.schemeOfUpstream;
    this.#parts = parts;
    this.identity = new ClientIdentity(config, parts.localAddress, where);
    this.#certificate = compileClientCertificate(config.clientCertificate);
    this.#setsServer = config.serverHeader === 'overwrite';
    this.#steps = compileSteps(config, parts);
    this.#proxyStatus = config.proxyStatus && compileProxyStatus(config.proxyStatus);
  }

  /** Before routes and filters see the request. An answer refuses it. */
  onRequest(head: RequestHead, connection: Connection): LocalReply | undefined {
    if (head.path.includes('#')) return pathRefused;
    const steps = this.#steps;
    for (let at = 0; at < steps.length; at++) {
      const refusal = steps[at]!(head, connection);
      if (refusal !== undefined) return refusal;
    }
    return this.#onOrigin(head, connection);
  }

  #onOrigin(head: RequestHead, connection: Connection): LocalReply | undefined {
    const config = this.#config;
    const { identity } = this;
    identity.identify(head, connection);
    if (identity.rejectStatus > 0) {
      this.#parts.stats.counter(`${this.#parts.statPrefix}downstream_rq_rejected_via_ip_detection`).increment();
      return addressUnknown(identity.rejectStatus);
    }
    const edge = config.useRemoteAddress && !identity.internal;
    this.#setScheme(head, connection);
    if (head.hasPrefix?.(privatePrefix) !== false) {
      head.remove('x-envoy-internal');
      if (!identity.internal) removePrivate(head, edge);
    }
    if (identity.internal) head.set('x-envoy-internal', 'true');
    else this.#removeOfRoutes(head);
    if (config.userAgent !== undefined) setUserAgent(head, config.userAgent);
    if (config.via !== '') head.add('via', config.via);
    if (edge && identity.client.kind === 'ip') head.set('x-envoy-external-address', identity.client.host);
    if (config.generateRequestId) {
      const overwrite = edge && !config.preserveExternalRequestId;
      if (overwrite || !head.get('x-request-id')) head.set('x-request-id', this.#parts.requestId());
    }
    this.#certificate?.(head, connection.tls);
    return undefined;
  }

  /** How the client has reached the first proxy: what that one says, where it is believed. */
  #setScheme(head: RequestHead, connection: Connection): void {
    const { useRemoteAddress, xffTrustedHops, appendForwardedPort, schemeOverwrite } = this.#config;
    const ours = connection.tls === undefined ? 'http' : 'https';
    const untrusted = useRemoteAddress && xffTrustedHops === 0;
    let said = untrusted ? undefined : head.get('x-forwarded-proto');
    if (said === undefined) head.set('x-forwarded-proto', (said = ours));
    if (appendForwardedPort && connection.local.kind === 'ip') {
      if (untrusted || head.get('x-forwarded-port') === undefined) {
        head.set('x-forwarded-port', String(connection.local.port));
      }
    }
    if (schemeOverwrite !== undefined) {
      head.set('x-forwarded-proto', schemeOverwrite);
      head.scheme = schemeOverwrite;
    } else if (head.protocol !== 'HTTP/2' && said !== head.scheme && (said === 'http' || said === 'https')) {
      head.scheme = said;
    }
  }

  /** Headers that the route table keeps for insiders. */
  #removeOfRoutes(head: RequestHead): void {
    const ofRoutes = this.#parts.routes.table?.config.internalOnlyHeaders;
    if (ofRoutes !== undefined) for (const name of ofRoutes) head.remove(name);
  }

  /** Last, when the head of an upstream's answer goes to the client. `flags`, `details`: what has been seen so far. */
  onResponse(head: ResponseHead, request: RequestHead, flags: number, details: string): void {
    const config = this.#config;
    const failed = this.#proxyStatus?.(flags, details);
    if (failed !== undefined) {
      head.add('proxy-status', failed.header);
      if (failed.status !== undefined && !isGrpc(request)) head.status = failed.status;
    }
    if (this.#setsServer) head.set('server', config.serverName);
    else if (config.serverHeader === 'append-if-absent' && head.get('server') === undefined) {
      head.set('server', config.serverName);
    }
    if (head.get('date') === undefined) head.set('date', this.#now());
    if (config.via !== '') head.add('via', config.via);
    if (config.requestIdInResponse) {
      const id = request.get('x-request-id');
      if (id !== undefined) head.set('x-request-id', id);
    }
  }

  /** An answer of the proxy's own. `request`: undefined when its head could not be read. */
  onReply(reply: LocalReply, request: RequestHead | undefined): LocalReply {
    const config = this.#config;
    const headers: (readonly [string, string])[] = reply.headers === undefined ? [] : [...reply.headers];
    headers.push(['date', this.#now()]);
    if (config.serverHeader !== 'pass-through') headers.push(['server', config.serverName]);
    if (config.via !== '') headers.push(['via', config.via]);
    if (config.requestIdInResponse) {
      const id = request?.get('x-request-id');
      if (id !== undefined) headers.push(['x-request-id', id]);
    }
    const failed = this.#proxyStatus?.(reply.flags, reply.details);
    if (failed === undefined) return { ...reply, headers };
    headers.push(['proxy-status', failed.header]);
    const status = request !== undefined && isGrpc(request) ? undefined : failed.status;
    return { ...reply, headers, status: status ?? reply.status };
  }

  /** As the `date` header has it; formatted once a second. */
  #now(): string {
    const wallMs = this.#parts.clock.wallMs();
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(wallMs).toUTCString();
    }
    return this.#date;
  }
}

function setUserAgent(head: RequestHead, { cluster, node }: NonNullable<HttpProxyConfig['userAgent']>): void {
  head.set('x-envoy-downstream-service-cluster', cluster);
  if (node !== '') head.set('x-envoy-downstream-service-node', node);
  if (!head.get('user-agent')) head.set('user-agent', cluster);
}

function removePrivate(head: RequestHead, edge: boolean): void {
  for (const name of internalHeaders) head.remove(name);
  if (edge) for (const name of edgeHeaders) head.remove(name);
}

function compileSteps(config: HttpProxyConfig, { stats, statPrefix }: EdgeParts): Step[] {
  const steps: Step[] = [];
  if (config.underscores !== 'allow') steps.push(underscoreStep(config.underscores, stats));
  const pathForm = compilePathForm(config);
  if (pathForm !== undefined) {
    const failed = stats.counter(`${statPrefix}downstream_rq_failed_path_normalization`);
    const redirected = stats.counter(`${statPrefix}downstream_rq_redirected_with_normalized_path`);
    steps.push((head) => {
      const before = head.path;
      const path = pathForm(before);
      const redirects = config.escapedSlashes === 'redirect' && hasEscapedSlashes(before);
      if (path === undefined || (redirects && isGrpc(head))) {
        failed.increment();
        return pathRefused;
      }
      if (path !== before) head.path = path;
      if (!redirects) return undefined;
      redirected.increment();
      return redirectTo(path, head);
    });
  }
  const hostForm = compileHostForm(config.stripHostPort, config.stripTrailingHostDot);
  if (hostForm !== undefined) {
    steps.push((head, { local }) => {
      const authority = hostForm(head.authority, local);
      // The target of a CONNECT is nothing without its port.
      if (authority !== head.authority && head.method !== 'CONNECT') head.authority = authority;
      return undefined;
    });
  }
  return steps;
}

function redirectTo(path: string, head: RequestHead): LocalReply {
  const { details } = pathRefused;
  // A path that begins with two slashes would name another host.
  const location = path.startsWith('//') ? `${head.scheme}://${head.authority}${path}` : path;
  return { status: 307, body: '', details, flags: ResponseFlag.none, headers: [['location', location]] };
}

/** Some servers take `_` for `-`, and so another header for the one that a proxy has checked. */
function underscoreStep(action: 'reject' | 'drop', stats: Stats): Step {
  const what = action === 'reject' ? 'requests_rejected' : 'dropped_headers';
  const suffix = action === 'reject' ? 'in_headers' : '';
  const named = (codec: string): Counter =>
    stats.counter(`${codec}.${what}_with_underscores${suffix === '' ? '' : `_${suffix}`}`);
  const [http1, http2] = [named('http1'), named('http2')];
  return (head) => {
    let found: string[] | undefined;
    head.visit((name) => {
      if (name.includes('_')) (found ??= []).push(name);
    });
    if (found === undefined) return undefined;
    const counter = head.protocol === 'HTTP/2' ? http2 : http1;
    if (action === 'reject') {
      counter.increment();
      return underscoreRefused;
    }
    for (const name of found) {
      counter.increment();
      head.remove(name);
    }
    return undefined;
  };
}
