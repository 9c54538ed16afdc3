import { type LocalReply, ResponseFlag } from '@sofamesh/contract/message';

const nobodyThere =
  ResponseFlag.noHealthyUpstream |
  ResponseFlag.noClusterFound |
  ResponseFlag.noRouteFound |
  ResponseFlag.upstreamConnectionFailure;
/** Of a host that answers with nonsense a client without a proxy would also lose the connection. */
const lost =
  ResponseFlag.upstreamConnectionTermination | ResponseFlag.upstreamRemoteReset | ResponseFlag.upstreamProtocolError;

/**
 * Why the proxy answers by itself, where its response flags say so. HTTP says 503 for much that RPC protocols can tell
 * apart: time is up, nobody to call, the connection lost during the call. Undefined: the HTTP status says it all.
 */
export function replyCause({ flags }: LocalReply): 'timeout' | 'nobody-there' | 'lost' | undefined {
  if ((flags & ResponseFlag.upstreamRequestTimeout) !== 0) return 'timeout';
  if ((flags & nobodyThere) !== 0) return 'nobody-there';
  return (flags & lost) !== 0 ? 'lost' : undefined;
}
