import { create } from '@bufbuild/protobuf';
import {
  type RetryPolicy,
  RetryPolicy_RetryHostPredicateSchema,
  RetryPolicySchema,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import { PreviousHostsPredicateSchema } from '@sofamesh/api/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb';
import { durationMs } from '@sofamesh/model/duration';
import type { HttpRetry } from '@sofamesh/model/kinds/parts/types';
import { duration, typedConfig } from '../../core/protobuf.ts';

const attemptsDefault = 2;
const hostSelectionsMax = 5n;
const byStatus = 'retriable-status-codes';

/** What a request that says nothing else is tried again for: the mesh's default. */
const httpDefault = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';
const httpDefaultStatuses = [503];
/** A call may have been carried out once its frame was sent, so only those that never left are tried again. */
const rpcDefault = 'connect-failure';

/** `http[].retries`; undefined where there are none. */
export function retryPolicyOf(retries: HttpRetry | undefined, rpc: boolean): RetryPolicy | undefined {
  const attempts = retries?.attempts ?? attemptsDefault;
  if (attempts <= 0) return undefined;
  const { on, statuses } = conditions(retries?.retryOn, rpc);
  const backOffMs = retries?.backoff === undefined ? 0 : durationMs(retries.backoff);
  return create(RetryPolicySchema, {
    retryOn: on,
    retriableStatusCodes: statuses,
    numRetries: attempts,
    ...(retries?.perTryTimeout !== undefined && { perTryTimeout: duration(durationMs(retries.perTryTimeout)) }),
    ...(backOffMs >= 1 && { retryBackOff: { baseInterval: duration(backOffMs) } }),
    ...(retries?.retryIgnorePreviousHosts !== false && {
      retryHostPredicate: [previousHosts()],
      hostSelectionRetryMaxAttempts: hostSelectionsMax,
    }),
  });
}

/** Status codes may stand among the words; Envoy wants them apart. */
function conditions(retryOn: string | undefined, rpc: boolean): { readonly on: string; readonly statuses: number[] } {
  const entries = (retryOn ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length === 0) {
    return rpc ? { on: rpcDefault, statuses: [] } : { on: httpDefault, statuses: httpDefaultStatuses };
  }
  const statuses = entries.filter((entry) => /^\d{3}$/.test(entry)).map(Number);
  const words = entries.filter((entry) => !/^\d+$/.test(entry));
  if (statuses.length > 0 && !words.includes(byStatus)) words.push(byStatus);
  return { on: words.join(','), statuses };
}

function previousHosts() {
  return create(RetryPolicy_RetryHostPredicateSchema, {
    name: 'envoy.retry_host_predicates.previous_hosts',
    configType: { case: 'typedConfig', value: typedConfig(PreviousHostsPredicateSchema) },
  });
}
