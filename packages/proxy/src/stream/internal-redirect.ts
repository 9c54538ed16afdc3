import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { FilterWalk } from '../chain/filter-walk.ts';
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { InternalRedirectConfig } from '../config/route.ts';
import type { ActiveExchange } from './exchange.ts';
import type { RequestBody } from './request-body.ts';

const originalUrl = 'x-envoy-original-url';

/**
 * An upstream's redirect that is followed here instead of by the client (Envoy: internal_redirect_policy). True: the request
 * now asks for what `answer` names, and is to be sent again by {@link startAgain}. False: it is as before, and the client gets
 * the answer. `whole`: all of the request is here.
 */
export function redirects(
  exchange: ActiveExchange,
  config: InternalRedirectConfig,
  answer: ResponseHead,
  whole: boolean,
  stats: ClusterStats,
): boolean {
  if (!config.statuses.includes(answer.status)) return false;
  const followed = whole && pointsElsewhere(exchange, config, answer);
  (followed ? stats.redirectsFollowed : stats.redirectsFailed).increment();
  return followed;
}

function pointsElsewhere(exchange: ActiveExchange, config: InternalRedirectConfig, answer: ResponseHead): boolean {
  const { proxy, request, downstream } = exchange;
  const { redirectsPassed } = proxy.stats;
  const target = parseLocation(answer.getAll('location'));
  if (target === undefined) {
    redirectsPassed.badLocation.increment();
    return false;
  }
  const plain = downstream.tls === undefined || request.get('x-forwarded-proto') === 'http';
  if (!config.crossScheme && plain !== (target.scheme === 'http')) {
    redirectsPassed.unsafeScheme.increment();
    return false;
  }
  if (exchange.redirects >= config.redirectsMax) {
    redirectsPassed.tooMany.increment();
    return false;
  }
  const undo = turn(request, target, plain ? 'http' : 'https', config.copiedHeaders, answer);
  if (proxy.routes.table?.match(request, proxy.random) === undefined) {
    undo();
    redirectsPassed.noRoute.increment();
    return false;
  }
  return true;
}

interface Target {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
}

/** Whole URLs of HTTP only, as in Envoy; what a fragment says is for the client. */
function parseLocation(values: readonly string[]): Target | undefined {
  if (values.length !== 1) return undefined;
  const match = /^(https?):\/\/(?:[^/?#@\\]*@)?((?:\[[\da-f:.]+\]|[\w.~-]+)(?::\d{1,5})?)([/?][\x21-\x7e]*)?$/i.exec(
    values[0]!.split('#', 1)[0]!,
  );
  if (match === null) return undefined;
  const [, scheme = '', authority = '', path = ''] = match;
  return { scheme: scheme.toLowerCase(), authority, path: path.startsWith('/') ? path : `/${path}` };
}

/** Makes the request one for `target`; what is returned takes that back. */
function turn(
  request: RequestHead,
  target: Target,
  scheme: string,
  copied: readonly string[],
  answer: ResponseHead,
): () => void {
  const { authority, path, scheme: schemeBefore } = request;
  const before = [originalUrl, ...copied].map((name) => [name, request.getAll(name)] as const);
  request.set(originalUrl, `${scheme}://${authority}${path}`);
  for (const name of copied) put(request, name, answer.getAll(name));
  request.scheme = target.scheme;
  request.authority = target.authority;
  request.path = target.path;
  return () => {
    for (const [name, values] of before) put(request, name, values);
    request.scheme = schemeBefore;
    request.authority = authority;
    request.path = path;
  };
}

function put(request: RequestHead, name: string, values: readonly string[]): void {
  request.remove(name);
  for (const value of values) request.add(name, value);
}

/**
 * Sends a request that was redirected through all of its filters again. It counts, and is logged, as one that ends here and a
 * new one. Not in the turn of the answer, whose connection may then serve it.
 */
export function startAgain(exchange: ActiveExchange, answer: ResponseHead, body: RequestBody | undefined): void {
  const { proxy, request } = exchange;
  exchange.status = answer.status;
  exchange.details = 'internal_redirect';
  exchange.durationMs = proxy.clock.now() - exchange.startMs;
  for (const log of proxy.accessLogs) log.log(exchange);
  proxy.stats.rqTotal.increment();
  exchange.status = 0;
  exchange.details = '';
  exchange.redirects++;
  exchange.attempts = 0;
  exchange.useIdleTimeout(proxy.streamIdleTimeoutMs);
  exchange.clearRoute();
  // RFC 9110 §15.4.4: another resource tells what came of it.
  const asks = answer.status === 303 && request.method !== 'GET' && request.method !== 'HEAD';
  if (asks) {
    request.method = 'GET';
    request.remove('content-length');
  }
  exchange.call = undefined;
  exchange.walk?.onEnd();
  exchange.walk = undefined;
  queueMicrotask(() => {
    if (exchange.over || exchange.answered) return;
    try {
      replay(exchange, asks ? undefined : body);
    } catch (thrown) {
      exchange.fail(thrown);
    }
  });
}

/** A filter that wants the whole body has to see it come. */
function replay(exchange: ActiveExchange, body: RequestBody | undefined): void {
  const walk = new FilterWalk(exchange, exchange.proxy.filters.create());
  exchange.walk = walk;
  exchange.headOnly = body === undefined;
  exchange.requestEnded = exchange.headOnly;
  walk.requestHead(0, exchange.headOnly);
  if (body === undefined) return;
  exchange.requestEnded = true;
  body.visit((chunk, end) => {
    if (!exchange.over && !exchange.answered) walk.requestData(chunk, end);
  });
  if (body.trailers !== undefined && !exchange.over && !exchange.answered) walk.requestTrailers(body.trailers);
}
