import { type LocalReply, type ResetReason, ResponseFlag } from '@sofamesh/contract/message';

/** The answers that the engine makes itself: Envoy's statuses, texts, flags and details. */

const reply = (status: number, body: string, details: string, flags: number): LocalReply => ({
  status,
  body,
  details,
  flags,
});

export const routeTableMissing = reply(404, '', 'route_configuration_not_found', ResponseFlag.noRouteFound);
export const routeNotFound = reply(404, '', 'route_not_found', ResponseFlag.noRouteFound);
export const clusterNotFound = reply(503, '', 'cluster_not_found', ResponseFlag.noClusterFound);
export const noHealthyUpstream = reply(
  503,
  'no healthy upstream',
  'no_healthy_upstream',
  ResponseFlag.noHealthyUpstream,
);
export const upstreamTimeout = reply(
  504,
  'upstream request timeout',
  'response_timeout',
  ResponseFlag.upstreamRequestTimeout,
);
export const perTryTimeout = reply(
  504,
  'upstream request timeout',
  'upstream_per_try_timeout',
  ResponseFlag.upstreamRequestTimeout,
);
/** The cluster's limit, not the listener's or the route's, and the client has not sent all of its request. */
export const upstreamRequestTooLong = reply(
  408,
  'upstream max stream duration reached',
  'upstream_max_stream_duration_reached',
  ResponseFlag.upstreamMaxStreamDuration,
);
export const upstreamResponseTooLong: LocalReply = { ...upstreamRequestTooLong, status: 504 };
/** The client has not sent all of its request. */
export const requestIdle = reply(408, 'stream timeout', 'stream_idle_timeout', ResponseFlag.streamIdleTimeout);
/** The upstream has not answered. */
export const responseIdle = reply(504, 'stream timeout', 'stream_idle_timeout', ResponseFlag.streamIdleTimeout);
export const requestTimeout = reply(408, 'request timeout', 'request_overall_timeout', ResponseFlag.none);
export const filterFailed = reply(500, 'internal error', 'filter_failed', ResponseFlag.none);
export const bodyTooLarge = reply(413, 'Payload Too Large', 'request_payload_too_large', ResponseFlag.none);
export const upgradeRefused = reply(403, '', 'upgrade_failed', ResponseFlag.none);
export const pathRefused = reply(400, '', 'path_normalization_failed', ResponseFlag.none);
export const underscoreRefused = reply(400, '', 'unexpected_underscore', ResponseFlag.none);
/** The client has not sent all of its request. */
export const requestTooLong: LocalReply = {
  ...reply(408, 'downstream duration timeout', 'max_duration_timeout', ResponseFlag.durationTimeout),
  grpcStatus: 4,
};
/** The upstream has not answered, or not to the end. */
export const responseTooLong: LocalReply = { ...requestTooLong, status: 504 };

/** Who the client is cannot be told, and has to be. */
export function addressUnknown(status: number): LocalReply {
  return reply(status, '', 'rejected_via_ip_detection', ResponseFlag.none);
}

export const protocolUnknown = reply(
  503,
  'the protocol of the upstream cluster is not supported',
  'upstream_protocol_not_found',
  ResponseFlag.noClusterFound,
);

interface ResetMeaning {
  readonly flag: number;
  readonly words: string;
}

const meanings: Readonly<Record<ResetReason, ResetMeaning>> = {
  'connection-failure': { flag: ResponseFlag.upstreamConnectionFailure, words: 'remote connection failure' },
  'connection-timeout': { flag: ResponseFlag.upstreamConnectionFailure, words: 'connection timeout' },
  'connection-termination': { flag: ResponseFlag.upstreamConnectionTermination, words: 'connection termination' },
  'local-reset': { flag: ResponseFlag.localReset, words: 'local reset' },
  'remote-reset': { flag: ResponseFlag.upstreamRemoteReset, words: 'remote reset' },
  refused: { flag: ResponseFlag.upstreamRemoteReset, words: 'remote refused stream reset' },
  'protocol-error': { flag: ResponseFlag.upstreamProtocolError, words: 'protocol error' },
  overflow: { flag: ResponseFlag.upstreamOverflow, words: 'overflow' },
};

/** Flag of an upstream stream that ended like this. */
export function flagOfReset(reason: ResetReason): number {
  return meanings[reason].flag;
}

const overloaded = [['x-envoy-overloaded', 'true']] as const;

/** No answer came from the upstream. `cause` says more about a failed connection; empty: nothing more is known. */
export function upstreamFailed(reason: ResetReason, cause: string, retried: boolean): LocalReply {
  const { flag, words } = meanings[reason];
  const latest = retried ? 'retried and the latest reset reason' : 'reset reason';
  const tail = cause === '' ? '' : `, transport failure reason: ${cause}`;
  return {
    status: reason === 'protocol-error' ? 502 : 503,
    body: `upstream connect error or disconnect/reset before headers. ${latest}: ${words}${tail}`,
    details: `upstream_reset_before_response_started{${words.replaceAll(' ', '_')}}`,
    flags: flag,
    ...(reason === 'overflow' ? { headers: overloaded } : undefined),
  };
}
