import { CodedError } from '@sofamesh/base/errors';
import { isAuthority } from './request-target.ts';

/**
 * Plain data from the configuration: Envoy's `Http1ProtocolOptions` and what the connection manager says about HTTP/1,
 * as far as the codecs know them. Every field may be absent.
 *
 *     { acceptHttp10: true, defaultHostForHttp10: 'example.com' }
 */
export interface Http1Settings {
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
  /** Interim (1xx) responses before the final one. Default 64. */
  readonly informationalMax?: number;
}

/** The same with every default in its place. */
export type ResolvedHttp1Settings = Required<Omit<Http1Settings, 'defaultHostForHttp10'>> & {
  readonly defaultHostForHttp10: string | undefined;
};

export const defaultHttp1Settings: ResolvedHttp1Settings = {
  acceptHttp10: false,
  defaultHostForHttp10: undefined,
  serveHalfClosed: false,
  proxy100Continue: false,
  drainBytesMax: 64 * 1024,
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
    acceptHttp10: read('acceptHttp10', isBoolean, 'a boolean'),
    defaultHostForHttp10: read('defaultHostForHttp10', isHost, 'a host with an optional port'),
    serveHalfClosed: read('serveHalfClosed', isBoolean, 'a boolean'),
    proxy100Continue: read('proxy100Continue', isBoolean, 'a boolean'),
    drainBytesMax: read('drainBytesMax', isCount, 'a whole number'),
    informationalMax: read('informationalMax', isCount, 'a whole number'),
  };
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
