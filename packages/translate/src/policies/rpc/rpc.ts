import {
  RpcProtocolOptions_Carrier as Carrier,
  RpcProtocolOptions_Pooling as Pooling,
  RpcProtocolOptionsSchema,
} from '@sofamesh/api/gen/mosn/extensions/upstreams/rpc/v1/rpc_protocol_options_pb';
import type { Annotation } from '@sofamesh/model/annotations/annotation';
import { carrier, connectionsPerHost, pooling } from '@sofamesh/model/annotations/destination';
import { readScoped } from '@sofamesh/model/annotations/scoped-value';
import { describeObject } from '@sofamesh/model/object';
import type { ClusterDraft } from '../../core/cluster-draft.ts';
import type { DestinationRule } from '../../core/mesh-index.ts';
import { typedConfig, typeUrlOf } from '../../core/protobuf.ts';

/** What a proxy has to declare to be told how calls travel: a stock Envoy refuses a cluster with options that it does not know. */
export const RPC_OPTIONS_TYPE_URL = typeUrlOf(RpcProtocolOptionsSchema);

/** How calls reach the hosts of a service: the annotations of its destination rules. `subset`: of its cluster, if it has one. */
export function applyRpc(draft: ClusterDraft, rules: readonly DestinationRule[], subset: string | undefined): void {
  if (draft.port.kind !== 'rpc') return;
  const asked = saidOf(carrier, rules, subset);
  // A sidecar that relays bytes hands them to its application as they come.
  const relays = draft.port.level === 'relay';
  if (relays && asked?.value === 'http2') {
    draft.notes.push({
      object: describeObject(asked.rule),
      reason: `carrier http2 is not used for ${draft.cluster.name}: the service level relay passes bytes as they are`,
    });
  }
  const isCarried = asked?.value === 'http2' && !relays;
  const isBound = saidOf(pooling, rules, subset)?.value === 'bound';
  const connections = saidOf(connectionsPerHost, rules, subset)?.value;
  if (!isCarried && !isBound && connections === undefined) return;
  draft.cluster.typedExtensionProtocolOptions[RpcProtocolOptionsSchema.typeName] = typedConfig(
    RpcProtocolOptionsSchema,
    {
      carrier: isCarried ? Carrier.HTTP2 : Carrier.FRAME,
      pooling: isBound ? Pooling.BOUND : Pooling.PROTOCOL,
      ...(connections !== undefined && { connectionsPerHost: connections }),
    },
  );
}

/** What the first rule says that says anything: of the subset, else of the whole. */
function saidOf<Value>(
  annotation: Annotation<Value>,
  rules: readonly DestinationRule[],
  subset: string | undefined,
): { readonly value: Value; readonly rule: DestinationRule } | undefined {
  const said = rules.map((rule) => ({ rule, ...readScoped(annotation, rule.metadata.annotations) }));
  for (const { rule, parts } of subset === undefined ? [] : said) {
    const value = parts.get(subset!);
    if (value !== undefined) return { value, rule };
  }
  for (const { rule, whole } of said) if (whole !== undefined) return { value: whole, rule };
  return undefined;
}
