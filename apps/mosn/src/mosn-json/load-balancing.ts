import type { JsonObject } from '@bufbuild/protobuf';
import { nearWord } from '../config/near-word.ts';
import type { JsonFields } from './json-fields.ts';

interface Policy {
  readonly lb_policy: string;
  /** Said where it is not quite the same. */
  readonly instead?: string;
}

const policies: Readonly<Record<string, Policy>> = {
  LB_RANDOM: { lb_policy: 'RANDOM' },
  LB_ROUNDROBIN: { lb_policy: 'ROUND_ROBIN' },
  LB_WEIGHTED_ROUNDROBIN: { lb_policy: 'ROUND_ROBIN' },
  LB_LEAST_REQUEST: { lb_policy: 'LEAST_REQUEST' },
  LB_LEAST_CONNECTION: { lb_policy: 'LEAST_REQUEST', instead: 'requests are counted, not connections' },
  LB_PEAK_EWMA: { lb_policy: 'LEAST_REQUEST', instead: 'requests are counted, not how long they take' },
  LB_REQUEST_ROUNDROBIN: { lb_policy: 'ROUND_ROBIN', instead: 'the turn is of all requests, not of the tries of one' },
};

/** `lb_type` and `lbconfig`: Envoy's `lb_policy` with its parameters. Without a type MOSN goes round. */
export function readLoadBalancing(cluster: JsonFields): JsonObject {
  const type = cluster.text('lb_type') ?? 'LB_ROUNDROBIN';
  const policy = Object.hasOwn(policies, type) ? policies[type] : undefined;
  const parameters = readParameters(cluster, policy?.lb_policy);
  if (policy === undefined) {
    cluster.refuse('lb_type', reasonAgainst(type));
    return {};
  }
  if (policy.instead !== undefined) cluster.warn('lb_type', `is ${policy.lb_policy} here: ${policy.instead}`);
  return { lb_policy: policy.lb_policy, ...parameters };
}

function reasonAgainst(type: string): string {
  if (type === 'LB_MAGLEV') return 'is not supported: no hash chooses hosts';
  const near = nearWord(type, [...Object.keys(policies), 'LB_MAGLEV', 'LB_ORIGINAL_DST']);
  return near === undefined
    ? `must be one of ${Object.keys(policies).join(', ')}`
    : `is not known; did you mean ${near}?`;
}

function readParameters(cluster: JsonFields, policy: string | undefined): JsonObject {
  const config = cluster.object('lbconfig');
  if (config === undefined) return {};
  const choices = config.count('choice_count') ?? 0;
  const bias = config.value('active_request_bias');
  for (const name of ['client_error_bias', 'server_error_bias']) config.ignore(name, 'errors of hosts do not count');
  if (bias !== undefined && (typeof bias !== 'number' || bias < 0))
    config.refuse('active_request_bias', 'must be a number from 0');
  config.end('lbconfig');
  if (policy !== 'LEAST_REQUEST') {
    for (const name of ['choice_count', 'active_request_bias'])
      config.ignore(name, 'it is for other values of lb_type');
    return {};
  }
  return {
    least_request_lb_config: {
      choice_count: Math.max(choices, 2),
      ...(typeof bias === 'number' && {
        active_request_bias: { default_value: bias, runtime_key: 'active_request_bias' },
      }),
    },
  };
}
