import { CodedError } from '@sofamesh/base/errors';
import { isAuthority } from '../shared/authority.ts';

/**
 * Plain data from the configuration: Envoy's `Http1ProtocolOptions` and what the connection manager says about HTTP/1,
 * as far as the codecs know them. Every field may be absent.
 *
 *     { acceptHttp10: true, defaultHostForHttp10: 'example.com' }
 */
export interface Http1Settings {
  /**
   * How names of header fields are written. `lower` (default) and `proper` (`Content-Type`) are said by the side that
   * writes, `preserve` by the side that reads: what it has read goes on as it was spelled, whatever the other side says.
   * Envoy: `header_key_format`.
   */
  readonly headerKeyFormat?: HeaderKeyFormat;
  /** Serve requests whose target is a URL; else they are answered 404. Envoy: `allow_absolute_url`. Default true. */
  readonly allowAbsoluteUrl?: boolean;
  /** Trailers are passed on; else they are dropped, as is Envoy's default. Envoy: `enable_trailers`. */
  readonly enableTrailers?: boolean;
  /**
   * Of a message with both Content-Length and chunks the length is dropped; else it is refused. Opens a way to smuggle
   * requests. Envoy: `allow_chunked_length`. Default false.
   */
  readonly allowChunkedLength?: boolean;
  /** Serve HTTP/1.0 clients; else they are answered 426. Envoy: `accept_http_10`. Default false. */
  readonly acceptHttp10?: boolean;
  /** Authority of an HTTP/1.0 request without Host; without it such a request is refused. Envoy: `default_host_for_http_10`. */
  readonly defaultHostForHttp10?: string | undefined;
  /**
   * Answer requests whose client has already shut its sending side. Default false: as in Envoy, the client is taken to be
   * gone and the request is reset, so that nobody works for it.
   */
  readonly serveHalfClosed?: boolean;
  /**
   * Pass `Expect: 100-continue` on and relay the upstream's 100. Default false: as in Envoy, the codec sends 100 itself as
   * soon as the body is wanted, and upstreams never see Expect. Envoy: `proxy_100_continue`.
   */
  readonly proxy100Continue?: boolean;
  /** Rest of a request's body that is read and dropped to keep the connection after an early answer. Default 64 KiB. */
  readonly drainBytesMax?: number;
  /** The words behind the status of an answer go on as they came; else the usual ones do. Envoy: `forward_reason_phrase`. */
  readonly forwardReasonPhrase?: boolean;
  /** Interim (1xx) responses before the final one. Default 64. */
  readonly informationalMax?: number;
}

export type HeaderKeyFormat = 'lower' | 'proper' | 'preserve';

/** The same with every default in its place. */
export type ResolvedHttp1Settings = Required<Omit<Http1Settings, 'defaultHostForHttp10'>> & {
  readonly defaultHostForHttp10: string | undefined;
};

export const defaultHttp1Settings: ResolvedHttp1Settings = {
  headerKeyFormat: 'lower',
  allowAbsoluteUrl: true,
  enableTrailers: false,
  allowChunkedLength: false,
  acceptHttp10: false,
  defaultHostForHttp10: undefined,
  serveHalfClosed: false,
  proxy100Continue: false,
  drainBytesMax: 64 * 1024,
  forwardReasonPhrase: false,
  informationalMax: 64,
};

/** Throws `bad_settings` naming the field. */
export function http1Settings(settings: unknown): ResolvedHttp1Settings {
  if (settings === undefined || settings === null) return defaultHttp1Settings;
  if (typeof settings !== 'object') throw new CodedError('bad_settings', 'http1: settings are not an object');
  const given = settings as Record<string, unknown>;
  const read = <Value>(
    field: keyof Http1Settings,
    isRight: (value: unknown) => value is Value,
    what: string,
  ): Value => {
    const value = given[field] ?? defaultHttp1Settings[field];
    if (isRight(value)) return value;
    throw new CodedError('bad_settings', `http1: ${field} is not ${what}`);
  };
  return {
    headerKeyFormat: read('headerKeyFormat', isKeyFormat, 'lower, proper or preserve'),
    allowAbsoluteUrl: read('allowAbsoluteUrl', isBoolean, 'a boolean'),
    enableTrailers: read('enableTrailers', isBoolean, 'a boolean'),
    allowChunkedLength: read('allowChunkedLength', isBoolean, 'a boolean'),
    acceptHttp10: read('acceptHttp10', isBoolean, 'a boolean'),
    defaultHostForHttp10: read('defaultHostForHttp10', isHost, 'a host with an optional port'),
    serveHalfClosed: read('serveHalfClosed', isBoolean, 'a boolean'),
    proxy100Continue: read('proxy100Continue', isBoolean, 'a boolean'),
    drainBytesMax: read('drainBytesMax', isCount, 'a whole number'),
    forwardReasonPhrase: read('forwardReasonPhrase', isBoolean, 'a boolean'),
    informationalMax: read('informationalMax', isCount, 'a whole number'),
  };
}

function isKeyFormat(value: unknown): value is HeaderKeyFormat {
  return value === 'lower' || value === 'proper' || value === 'preserve';
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function isHost(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && isAuthority(value));
}
