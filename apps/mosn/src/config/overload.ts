import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { OverloadManager } from '@sofamesh/api/gen/envoy/config/overload/v3/overload_pb';
import { DownstreamConnectionsConfigSchema } from '@sofamesh/api/gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb';
import { decodeAny } from './extensions.ts';
import { FieldError } from './fields.ts';

/** Monitors that are acted on; their messages belong in the JSON registry. */
export const resourceMonitorSchemas = [DownstreamConnectionsConfigSchema];

/** `overload_manager` as it was loaded, with the parts that are acted on; `left` is told of the others. */
export function keepKnownOverload(value: JsonValue, left: (at: string) => void): JsonValue {
  if (!isObject(value)) return value;
  const kept: JsonObject = {};
  for (const [key, part] of Object.entries(value)) {
    const isMonitors = key === 'resource_monitors' || key === 'resourceMonitors';
    if (isMonitors && Array.isArray(part)) {
      kept[key] = part.filter((monitor, index) => {
        const known = !isObject(monitor) || isConnectionsMonitor(monitor);
        const name = isObject(monitor) && typeof monitor['name'] === 'string' ? ` (${monitor['name']})` : '';
        if (!known) left(`overload_manager.resource_monitors[${index}]${name}`);
        return known;
      });
    } else if (isMonitors) kept[key] = part;
    else left(`overload_manager.${key}`);
  }
  return kept;
}

/** Connections that all listeners may have together; undefined when nothing is said. Throws a FieldError. */
export function monitoredConnectionsMax(overload: OverloadManager | undefined): number | undefined {
  let limit: number | undefined;
  for (const [index, { configType }] of (overload?.resourceMonitors ?? []).entries()) {
    const path = `overload_manager.resource_monitors[${index}].typed_config`;
    if (configType.case !== 'typedConfig') throw new FieldError(path, undefined, 'is required');
    const message = decodeAny(DownstreamConnectionsConfigSchema, configType.value, path);
    const most = Number(message.maxActiveDownstreamConnections);
    if (most <= 0) throw new FieldError(`${path}.max_active_downstream_connections`, most, 'must be above 0');
    limit = Math.min(limit ?? most, most);
  }
  return limit;
}

function isConnectionsMonitor(monitor: JsonObject): boolean {
  const config = monitor['typed_config'] ?? monitor['typedConfig'];
  const typeUrl = isObject(config) ? config['@type'] : undefined;
  return typeof typeUrl === 'string' && typeUrl.endsWith(`/${DownstreamConnectionsConfigSchema.typeName}`);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
