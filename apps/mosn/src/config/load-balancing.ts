import {
  type Cluster,
  Cluster_LbPolicy as LbPolicy,
  type LoadBalancingPolicy,
} from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { LeastRequestSchema } from '@sofamesh/api/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb';
import { RandomSchema } from '@sofamesh/api/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb';
import { RoundRobinSchema } from '@sofamesh/api/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb';
import { WrrLocalitySchema } from '@sofamesh/api/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb';
import type { ClusterConfig } from '@sofamesh/proxy/config/cluster';
import { decodeAny, type Extensions, typeNameOf } from './extensions.ts';
import { FieldError } from './fields.ts';

export const loadBalancingSchemas = [LeastRequestSchema, RandomSchema, RoundRobinSchema, WrrLocalitySchema];

type BalancerConfig = ClusterConfig['balancer'];

/** Reads `load_balancing_policy` when it is given, else `lb_policy`. */
export function readBalancer(cluster: Cluster, extensions: Extensions): BalancerConfig {
  if (cluster.loadBalancingPolicy !== undefined) {
    return readPolicies(cluster.loadBalancingPolicy, 'load_balancing_policy', extensions);
  }
  switch (cluster.lbPolicy) {
    case LbPolicy.ROUND_ROBIN:
    // The address that the connection was made to is the only candidate.
    case LbPolicy.CLUSTER_PROVIDED:
      return { name: 'round_robin', options: undefined };
    case LbPolicy.RANDOM:
      return { name: 'random', options: undefined };
    case LbPolicy.LEAST_REQUEST:
      return leastRequest(
        cluster.lbConfig.case === 'leastRequestLbConfig' ? cluster.lbConfig.value : {},
        'least_request_lb_config',
      );
    default:
      throw new FieldError(
        'lb_policy',
        nameOf(cluster.lbPolicy),
        'is not supported; use ROUND_ROBIN, LEAST_REQUEST or RANDOM',
      );
  }
}

function nameOf(policy: LbPolicy): string {
  return Object.entries(LbPolicy).find(([, value]) => value === policy)?.[0] ?? String(policy);
}

/** The first policy that is supported counts, as Envoy has it. */
function readPolicies({ policies }: LoadBalancingPolicy, path: string, extensions: Extensions): BalancerConfig {
  for (const [index, { typedExtensionConfig: extension }] of policies.entries()) {
    if (extension?.typedConfig === undefined) continue;
    const at = `${path}.policies[${index}].typed_extension_config.typed_config`;
    const any = extension.typedConfig;
    switch (typeNameOf(any)) {
      case RoundRobinSchema.typeName:
        return { name: 'round_robin', options: undefined };
      case RandomSchema.typeName:
        return { name: 'random', options: undefined };
      case LeastRequestSchema.typeName:
        return leastRequest(decodeAny(LeastRequestSchema, any, at), at);
      case WrrLocalitySchema.typeName: {
        const { endpointPickingPolicy } = decodeAny(WrrLocalitySchema, any, at);
        if (endpointPickingPolicy !== undefined) {
          return readPolicies(endpointPickingPolicy, `${at}.endpoint_picking_policy`, extensions);
        }
        break;
      }
      default: {
        const fromPlugin = extensions.balancer(extension.name, any, at);
        if (fromPlugin !== undefined) return fromPlugin;
      }
    }
  }
  const types = policies.map(({ typedExtensionConfig: extension }) => extension?.typedConfig?.typeUrl ?? '');
  throw new FieldError(`${path}.policies`, types.join(', '), 'none of these is supported');
}

interface LeastRequestFields {
  readonly choiceCount?: number | undefined;
  readonly activeRequestBias?: { readonly defaultValue: number } | undefined;
}

function leastRequest({ choiceCount = 2, activeRequestBias }: LeastRequestFields, path: string): BalancerConfig {
  if (choiceCount < 2) throw new FieldError(`${path}.choice_count`, choiceCount, 'must be at least 2');
  const bias = activeRequestBias?.defaultValue ?? 1;
  if (!(bias >= 0)) throw new FieldError(`${path}.active_request_bias`, bias, 'must not be negative');
  return { name: 'least_request', options: { choiceCount, activeRequestBias: bias } };
}
