import { RE2JS } from 're2js';
import { parseDurationMs } from '../duration.ts';
import { PORT_PROTOCOLS, parsePortProtocol, parseXProtocol } from '../port-protocol.ts';
import type { Rule } from './rule.ts';

const NOT_A_DURATION = 'must be a duration such as 1s, 300ms or 1h30m';

/** At least a millisecond, and no fraction of one. */
export const duration: Rule = (value) => {
  const ms = parseDurationMs(value);
  if (ms === undefined) return NOT_A_DURATION;
  if (ms < 1) return 'must be a duration of at least 1ms';
  return Number.isInteger(ms) ? undefined : 'must be a whole number of milliseconds';
};

/** As `duration`; zero switches the thing off. */
export const durationOrZero: Rule = (value) => (parseDurationMs(value) === 0 ? undefined : duration(value));

/** Envoy compiles these; a program this long still fits its default limits. */
const REGEX_CHARACTERS_MAX = 1024;

/** RE2, Envoy's dialect: no look-around and no back references. */
export const regex: Rule = (value) => {
  if (value === '') return 'must not be empty';
  if (value.length > REGEX_CHARACTERS_MAX) return `must have at most ${REGEX_CHARACTERS_MAX} characters`;
  try {
    RE2JS.compile(value);
    return undefined;
  } catch (error) {
    return `must be a regular expression in RE2 syntax: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** RFC 9110 token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PSEUDO_HEADERS = new Set([':method', ':scheme', ':authority', ':path', ':status']);
/** `@request.auth.claims.sub`, `@request.auth.claims[sub][name]`. */
export const JWT_CLAIM = /^@request\.auth\.claims(?:\.|\[)/i;

/** Header names to match on: tokens, pseudo headers and Istio's claims of a verified token. */
export const matchHeaderName: Rule = (value) =>
  TOKEN.test(value) || PSEUDO_HEADERS.has(value) || JWT_CLAIM.test(value) ? undefined : 'must be a header name';

/** Request headers to set or add: a pseudo header only if it is the authority. */
export const requestHeaderName: Rule = (value) => {
  if (value.toLowerCase() === ':authority') return undefined;
  if (value.startsWith(':')) return 'must not be a pseudo header, except :authority';
  return TOKEN.test(value) ? undefined : 'must be a header name';
};

/** Headers to remove, and everything on responses. */
export const ordinaryHeaderName: Rule = (value) => {
  if (value.startsWith(':') || value.toLowerCase() === 'host') return 'must be neither a pseudo header nor host';
  return TOKEN.test(value) ? undefined : 'must be a header name';
};

export const corsHeaderName: Rule = (value) =>
  value === '*' || TOKEN.test(value) ? undefined : 'must be a header name or *';

/** A header value with Envoy's substitutions: `%NAME%` or `%NAME(ARGUMENT)%`; a percent sign itself is `%%`. */
export const headerValue: Rule = (value) => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return 'must not contain control characters';
  const rest = value.replace(/%%|%[A-Z0-9_]+(?:\((?:[^()%]|%%)*\))?(?::\d+)?%/g, '');
  return rest.includes('%') ? 'must write a percent sign as %%' : undefined;
};

export const portProtocol: Rule = (value) =>
  value === '' || parsePortProtocol(value) !== undefined || parseXProtocol(value) !== undefined
    ? undefined
    : `must be one of ${PORT_PROTOCOLS.join(', ')} or X-PROTOCOL`;

const RETRY_WORDS = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

/** Words and HTTP status codes with commas between. */
export const retryOn: Rule = (value) => {
  if (value === '') return undefined;
  const bad = value.split(',').find((word) => !RETRY_WORDS.has(word) && !/^[1-5]\d\d$/.test(word));
  return bad === undefined ? undefined : `must be words that Envoy knows; ${JSON.stringify(bad)} is none`;
};

const GRPC_STATUSES = new Set([
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** Names; numbers are not accepted. */
export const grpcStatus: Rule = (value) =>
  GRPC_STATUSES.has(value) ? undefined : 'must be the name of a gRPC status, such as UNAVAILABLE';

export const base64: Rule = (value) =>
  /^[A-Za-z0-9+/_-]*={0,2}$/.test(value) && value.replace(/=+$/, '').length % 4 !== 1 ? undefined : 'must be base64';
