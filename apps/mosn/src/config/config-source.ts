import { ApiVersion, type ConfigSource } from '@sofamesh/api/gen/envoy/config/core/v3/config_source_pb';
import { durationMs, FieldError, snake } from './fields.ts';

/** Envoy's `initial_fetch_timeout`: what waits for a resource goes on without it after this. */
export const defaultFetchTimeoutMs = 15_000;

/** A resource that comes by ADS: the only source that is supported. 0 waits for ever. */
export interface DiscoverySource {
  readonly fetchTimeoutMs: number;
}

export function readConfigSource(source: ConfigSource | undefined, path: string): DiscoverySource {
  const specifier = source?.configSourceSpecifier;
  if (specifier?.case !== 'ads' && specifier?.case !== 'self') {
    const value = specifier?.case === undefined ? undefined : snake(specifier.case);
    throw new FieldError(path, value, 'must be ads: {}');
  }
  if (source?.resourceApiVersion === ApiVersion.V2) {
    throw new FieldError(`${path}.resource_api_version`, 'V2', 'must be V3');
  }
  return {
    fetchTimeoutMs: durationMs(source?.initialFetchTimeout, defaultFetchTimeoutMs, `${path}.initial_fetch_timeout`),
  };
}
