import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { LayeredRuntime } from '@sofamesh/api/gen/envoy/config/bootstrap/v3/bootstrap_pb';
import { FieldError } from './fields.ts';

/** Numbers of Envoy's runtime by their keys, as the static layers of the bootstrap give them. */
export type Runtime = ReadonlyMap<string, number>;

export const noRuntime: Runtime = new Map();

const globalLimitKey = 'overload.global_downstream_max_connections';

/** Reads `envoy.config.bootstrap.v3.LayeredRuntime`: later layers go before earlier ones. Only static layers have an effect. */
export function readRuntime(runtime: LayeredRuntime | undefined, warn: (warning: string) => void): Runtime {
  const numbers = new Map<string, number>();
  for (const [at, { layerSpecifier }] of (runtime?.layers ?? []).entries()) {
    if (layerSpecifier.case === 'staticLayer') gather(layerSpecifier.value, '', numbers);
    else if (layerSpecifier.case !== 'adminLayer') {
      warn(`layered_runtime.layers[${at}]: has no effect in this proxy, only static layers have`);
    }
  }
  for (const key of numbers.keys()) {
    if (key !== globalLimitKey && !isListenerLimit(key)) {
      warn(`layered_runtime: ${JSON.stringify(key)}: has no effect in this proxy`);
    }
  }
  return numbers;
}

/** `{a: {b: 1}}` and `{"a.b": 1}` are the same. */
function gather(layer: JsonObject, prefix: string, numbers: Map<string, number>): void {
  for (const [key, value] of Object.entries(layer) as [string, JsonValue][]) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      gather(value, `${prefix}${key}.`, numbers);
    else if (isNumeric(value)) numbers.set(prefix + key, Number(value));
  }
}

/** Envoy reads numbers from texts, too. */
function isNumeric(value: JsonValue): boolean {
  return (
    typeof value === 'number' || (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)))
  );
}

const listenerLimitPattern = /^envoy\.resource_limits\.listener\..+\.connection_limit$/;

function isListenerLimit(key: string): boolean {
  return listenerLimitPattern.test(key);
}

/** Connections that the listener may have; undefined when nothing is said. */
export function listenerConnectionsMax(runtime: Runtime, listener: string): number | undefined {
  return limitOf(runtime, `envoy.resource_limits.listener.${listener}.connection_limit`);
}

/** Connections that all listeners may have together; undefined when nothing is said. */
export function downstreamConnectionsMax(runtime: Runtime): number | undefined {
  return limitOf(runtime, globalLimitKey);
}

function limitOf(runtime: Runtime, key: string): number | undefined {
  const limit = runtime.get(key);
  if (limit === undefined) return undefined;
  if (!Number.isInteger(limit) || limit < 0) {
    throw new FieldError(`layered_runtime[${JSON.stringify(key)}]`, limit, 'must be a whole number');
  }
  return limit;
}
