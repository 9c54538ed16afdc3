import { createHash } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import {
  type ApiConfigSource,
  ApiConfigSourceSchema,
  type ConfigSource,
} from '@sofamesh/api/gen/envoy/config/core/v3/config_source_pb';
import type { Secret } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { defaultFetchTimeoutMs } from './config-source.ts';
import { durationMs } from './fields.ts';

/** A secret that a control plane sends. */
export interface SecretReference {
  /** Differs for secrets of one name from different services. */
  readonly id: string;
  readonly name: string;
  /** Undefined: it comes by ADS. */
  readonly service: SecretService | undefined;
  /** 0 waits for ever. */
  readonly fetchTimeoutMs: number;
}

/** A server of secrets alone (`sds_config.api_config_source`). */
export interface SecretService {
  /** The same for equal sources. */
  readonly id: string;
  readonly source: ApiConfigSource;
  /** Where it was given, for errors. */
  readonly path: string;
}

/** Undefined where `source` names no server; `path` is that of `sds_config`. */
export function secretReference(name: string, source: ConfigSource, path: string): SecretReference | undefined {
  const { configSourceSpecifier: specifier, initialFetchTimeout } = source;
  const fetchTimeoutMs = durationMs(initialFetchTimeout, defaultFetchTimeoutMs, `${path}.initial_fetch_timeout`);
  if (specifier.case === 'ads') return { id: secretId(name, undefined), name, service: undefined, fetchTimeoutMs };
  if (specifier.case !== 'apiConfigSource') return undefined;
  const bytes = toBinary(ApiConfigSourceSchema, specifier.value);
  const service = {
    id: createHash('sha256').update(bytes).digest('hex').slice(0, 16),
    source: specifier.value,
    path: `${path}.api_config_source`,
  };
  return { id: secretId(name, service.id), name, service, fetchTimeoutMs };
}

/** `service`: the id of one; undefined for ADS. */
export function secretId(name: string, service: string | undefined): string {
  return service === undefined ? `sds:${name}` : `sds@${service}:${name}`;
}

/** Secrets that have come, by the ids of their references. */
export type ReceivedSecrets = ReadonlyMap<string, Secret>;
