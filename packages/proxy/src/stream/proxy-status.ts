import { formatResponseFlags, ResponseFlag } from '@sofamesh/contract/message';
import type { ProxyStatusConfig } from '../config/http-edge.ts';

interface Failure {
  readonly flag: number;
  /** Error type (RFC 9209 §2.3). */
  readonly error: string;
  /** The status that goes with it; undefined: the one there is. */
  readonly status?: number;
}

/** The first that applies, in Envoy's order and with Envoy's choice of types. */
const failures: readonly Failure[] = [
  { flag: ResponseFlag.noHealthyUpstream, error: 'destination_unavailable', status: 503 },
  { flag: ResponseFlag.upstreamRequestTimeout, error: 'http_response_timeout', status: 504 },
  { flag: ResponseFlag.localReset, error: 'connection_timeout', status: 504 },
  { flag: ResponseFlag.upstreamRemoteReset, error: 'connection_terminated', status: 502 },
  { flag: ResponseFlag.upstreamConnectionFailure, error: 'connection_refused', status: 502 },
  { flag: ResponseFlag.upstreamConnectionTermination, error: 'connection_terminated', status: 502 },
  { flag: ResponseFlag.upstreamOverflow, error: 'connection_limit_reached', status: 503 },
  { flag: ResponseFlag.noRouteFound, error: 'destination_not_found', status: 500 },
  { flag: ResponseFlag.rateLimited, error: 'connection_limit_reached', status: 503 },
  { flag: ResponseFlag.upstreamRetryLimitExceeded, error: 'destination_unavailable', status: 503 },
  { flag: ResponseFlag.streamIdleTimeout, error: 'http_response_timeout', status: 504 },
  { flag: ResponseFlag.downstreamProtocolError, error: 'http_request_error' },
  { flag: ResponseFlag.upstreamMaxStreamDuration, error: 'http_response_timeout', status: 504 },
  { flag: ResponseFlag.upstreamProtocolError, error: 'http_protocol_error', status: 502 },
  { flag: ResponseFlag.noClusterFound, error: 'destination_unavailable', status: 503 },
];

interface ProxyStatus {
  /** Value of `proxy-status`. */
  readonly header: string;
  /** Undefined: the answer keeps its own. */
  readonly status: number | undefined;
}

/** Says why this proxy has no better answer (RFC 9209); undefined where nothing went wrong. */
export function compileProxyStatus(
  config: ProxyStatusConfig,
): (flags: number, details: string) => ProxyStatus | undefined {
  return (flags, details) => {
    const failure = flags === 0 ? undefined : failures.find(({ flag }) => flags & flag);
    if (failure === undefined) return undefined;
    const parts = [config.showsDetails ? details : '', config.showsFlags ? formatResponseFlags(flags) : ''];
    const shown = parts.filter((part) => part !== '').join('; ');
    const tail = shown === '' ? '' : `; details="${shown.replace(/[^ !#-[\]-~]/g, '?')}"`;
    return {
      header: `${config.name}; error=${failure.error}${tail}`,
      status: config.setsStatus ? failure.status : undefined,
    };
  };
}
