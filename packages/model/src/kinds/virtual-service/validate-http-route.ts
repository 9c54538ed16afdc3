import { parseDurationMs } from '../../duration.ts';
import type { Report } from '../../finding.ts';
import type { Input } from '../../kind.ts';
import { checkRetry } from '../parts/validate.ts';
import type { CorsPolicy, Headers, HttpFault, HttpRedirect, HttpRewrite, HttpRoute } from './types.ts';
import { checkWeights } from './validate.ts';

const DIRECT_RESPONSE_BYTES_MAX = 1024 * 1024;
const DIRECT_RESPONSE_BYTES_LARGE = 100 * 1024;
/** Envoy's fractions are parts of a million. */
const SMALLEST_PERCENTAGE = 0.0001;

export function checkHttpRoute(route: Input<HttpRoute>, report: Report, isDelegate: boolean): void {
  checkActions(route, report, isDelegate);
  checkRetry(route.retries, report.at('retries'));
  if (route.redirect !== undefined) checkRedirect(route.redirect, route, report.at('redirect'));
  if (route.rewrite !== undefined) checkRewrite(route.rewrite, report.at('rewrite'));
  if (route.fault !== undefined) checkFault(route.fault, report.at('fault'));
  if (route.corsPolicy !== undefined) checkCors(route.corsPolicy, report.at('corsPolicy'));
  checkAuthority(route.rewrite?.authority, route.headers, report);
  checkWeights(route.route ?? [], report.at('route'));
  checkMirrors(route, report);

  const body = route.directResponse?.body;
  const bodyBytes = body?.bytes !== undefined ? (body.bytes.length * 3) / 4 : Buffer.byteLength(body?.string ?? '');
  if (bodyBytes > DIRECT_RESPONSE_BYTES_MAX) report.at('directResponse', 'body').error('must be at most 1 MiB long');
  else if (bodyBytes > DIRECT_RESPONSE_BYTES_LARGE) {
    report.at('directResponse', 'body').warn('is large: every proxy holds a copy of it');
  }
}

/** What a route does with a request: exactly one thing. */
function checkActions(route: Input<HttpRoute>, report: Report, isDelegate: boolean): void {
  const hasRoute = (route.route?.length ?? 0) > 0;
  if (route.delegate !== undefined) {
    if (isDelegate)
      report.at('delegate').error('must not be in a virtual service without hosts, which is a delegate itself');
    for (const field of ['redirect', 'directResponse', 'route'] as const) {
      if (route[field] !== undefined) report.at(field).error('must not stand beside delegate');
    }
    return;
  }
  const actions = [
    ...(hasRoute ? ['route'] : []),
    ...(route.redirect !== undefined ? ['redirect'] : []),
    ...(route.directResponse !== undefined ? ['directResponse'] : []),
  ];
  if (actions.length === 0) report.error('must have a route, a redirect or a directResponse');
  if (actions.length > 1)
    report.error(`may have only one of route, redirect and directResponse; it has ${actions.join(' and ')}`);
  if (route.redirect === undefined && route.directResponse === undefined) return;
  const action = route.redirect !== undefined ? 'redirect' : 'directResponse';
  for (const field of ['fault', 'rewrite'] as const) {
    if (route[field] !== undefined) report.at(field).error(`must not stand beside ${action}`);
  }
}

function checkRedirect(redirect: Input<HttpRedirect>, route: Input<HttpRoute>, report: Report): void {
  const { uri, prefixRewrite, authority, scheme, port, derivePort } = redirect;
  if (uri && prefixRewrite) report.error('may have only one of uri and prefixRewrite');
  if (!uri && !prefixRewrite && !authority && !scheme && port === undefined && derivePort === undefined) {
    report.error('must change something: uri, prefixRewrite, authority, scheme or port');
  }
  if (prefixRewrite && (route.match ?? []).some((match) => match.uri !== undefined && match.uri.prefix === undefined)) {
    report.at('prefixRewrite').error('needs a prefix in every match of the uri');
  }
}

function checkRewrite(rewrite: Input<HttpRewrite>, report: Report): void {
  if (rewrite.uri && rewrite.uriRegexRewrite !== undefined)
    report.error('may have only one of uri and uriRegexRewrite');
  if (!rewrite.uri && rewrite.uriRegexRewrite === undefined && !rewrite.authority) {
    report.error('must have a uri, a uriRegexRewrite or an authority');
  }
}

function checkFault(fault: Input<HttpFault>, report: Report): void {
  const { delay, abort } = fault;
  if (delay === undefined && abort === undefined) report.error('must have a delay or an abort');
  for (const [name, part] of [
    ['delay', delay],
    ['abort', abort],
  ] as const) {
    const value = part?.percentage?.value ?? 0;
    if (value > 0 && value < SMALLEST_PERCENTAGE) {
      report.at(name, 'percentage', 'value').error(`must be 0 or at least ${SMALLEST_PERCENTAGE}`);
    }
  }
  if (delay?.exponentialDelay !== undefined)
    report.at('delay', 'exponentialDelay').error('is not supported; use fixedDelay');
  if (delay?.percent !== undefined) report.at('delay', 'percent').warn('is deprecated; use percentage');
  if (abort?.http2Error !== undefined) report.at('abort', 'http2Error').error('is not supported; use httpStatus');
  if (delay !== undefined && delay.fixedDelay === undefined && delay.exponentialDelay === undefined) {
    report.at('delay').warn('has no fixedDelay, so nothing is delayed');
  }
  if (abort !== undefined && abort.httpStatus === undefined && abort.grpcStatus === undefined) {
    if (abort.http2Error === undefined)
      report.at('abort').warn('has neither httpStatus nor grpcStatus, so nothing is aborted');
  }
}

function checkCors(policy: Input<CorsPolicy>, report: Report): void {
  if (policy.maxAge !== undefined && parseDurationMs(policy.maxAge)! % 1000 !== 0) {
    report.at('maxAge').error('must be a whole number of seconds');
  }
  for (const [index, origin] of (policy.allowOrigins ?? []).entries()) {
    if (!origin.exact && !origin.prefix && !origin.regex)
      report.at('allowOrigins', index).error('must have an exact, prefix or regex');
  }
  if (policy.allowOrigin !== undefined) report.at('allowOrigin').warn('is deprecated; use allowOrigins');
}

/** Two places that set the authority would contradict each other. */
function checkAuthority(rewritten: string | undefined, headers: Input<Headers> | undefined, report: Report): void {
  let earlier = rewritten ? 'rewrite.authority' : undefined;
  for (const operation of ['set', 'add'] as const) {
    for (const name of Object.keys(headers?.request?.[operation] ?? {})) {
      if (!/^(?::authority|host)$/i.test(name)) continue;
      const at = report.at('headers', 'request', operation, name);
      if (earlier !== undefined) at.error(`sets the authority, as ${earlier} does already`);
      earlier = `headers.request.${operation}`;
    }
  }
}

function checkMirrors(route: Input<HttpRoute>, report: Report): void {
  if (route.mirror !== undefined && (route.mirrors?.length ?? 0) > 0)
    report.error('may have only one of mirror and mirrors');
  for (const field of ['mirrorPercent', 'mirror_percent'] as const) {
    if (route[field] !== undefined) report.at(field).warn('is deprecated; use mirrorPercentage');
  }
}
