import {
  type ApiConfigSource,
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
} from '@sofamesh/api/gen/envoy/config/core/v3/config_source_pb';
import type { GrpcService } from '@sofamesh/api/gen/envoy/config/core/v3/grpc_service_pb';
import type { Address } from '@sofamesh/base/address';
import { formatAddress } from '@sofamesh/base/address';
import type { ClientTls } from '@sofamesh/contract/transport';
import type { ClusterConfig } from '@sofamesh/proxy/config/cluster';
import { FieldError } from './fields.ts';

/** How the control plane is reached. */
export interface ControlPlaneConfig {
  /** The static cluster, or the target of `google_grpc`, for logs. */
  readonly name: string;
  /** As gRPC writes addresses: `127.0.0.1:15010`, `unix:/path`, `dns:host:port`. */
  readonly targets: readonly string[];
  readonly tls: ClientTls | undefined;
  /** Sent with the stream. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads `dynamic_resources.ads_config`; an `envoy_grpc` names one of the bootstrap's clusters. */
export function readControlPlane(
  source: ApiConfigSource,
  clusters: readonly ClusterConfig[],
  path: string,
  warn: (warning: string) => void,
): ControlPlaneConfig {
  switch (source.apiType) {
    case ApiType.GRPC:
    case ApiType.AGGREGATED_GRPC:
      break;
    case ApiType.DELTA_GRPC:
    case ApiType.AGGREGATED_DELTA_GRPC:
      warn(`${path}.api_type: the incremental variant is asked for; the state-of-the-world variant is used`);
      break;
    default:
      throw new FieldError(`${path}.api_type`, source.apiType, 'must be GRPC');
  }
  if (source.transportApiVersion === ApiVersion.V2)
    throw new FieldError(`${path}.transport_api_version`, 'V2', 'must be V3');
  const [service] = source.grpcServices;
  if (service === undefined) throw new FieldError(`${path}.grpc_services`, '[]', 'must have one');
  return readService(service, clusters, `${path}.grpc_services[0]`);
}

function readService(service: GrpcService, clusters: readonly ClusterConfig[], path: string): ControlPlaneConfig {
  const target = service.targetSpecifier;
  const metadata = Object.fromEntries(service.initialMetadata.map(({ key, value }) => [key.toLowerCase(), value]));
  switch (target.case) {
    case 'envoyGrpc': {
      const at = `${path}.envoy_grpc.cluster_name`;
      const { clusterName: name } = target.value;
      const cluster = clusters.find((candidate) => candidate.name === name);
      if (cluster === undefined) throw new FieldError(at, name, 'is not a cluster of static_resources');
      return { name, targets: targetsOf(cluster, at), tls: readTls(cluster, at), metadata };
    }
    case 'googleGrpc': {
      const { targetUri, channelCredentials } = target.value;
      if (targetUri === '') throw new FieldError(`${path}.google_grpc.target_uri`, '', 'must not be empty');
      const credentials = channelCredentials?.credentialSpecifier.case;
      if (credentials !== undefined && credentials !== 'localCredentials') {
        throw new FieldError(
          `${path}.google_grpc.channel_credentials`,
          credentials,
          'use envoy_grpc and a cluster with TLS',
        );
      }
      return { name: targetUri, targets: [targetUri], tls: undefined, metadata };
    }
    case undefined:
      throw new FieldError(path, undefined, 'must have one of envoy_grpc, google_grpc');
  }
}

/** gRPC has a TLS of its own, which knows fewer rules; one that it would not keep is refused. */
function readTls({ name, tls }: ClusterConfig, path: string): ClientTls | undefined {
  if (tls?.secretsMissing) throw new FieldError(path, name, 'its secrets must not come from a control plane');
  const rules = tls?.verification ?? {};
  const unknown = (['crlPem', 'acceptUntrusted', 'authoritiesMax', 'certificateSha256', 'spkiSha256'] as const).find(
    (rule) => rules[rule] !== undefined,
  );
  const pattern = rules.subjectAltNames?.find(({ kind }) => kind === 'regex');
  if (unknown !== undefined || pattern !== undefined) {
    const rule = unknown ?? 'safe_regex';
    throw new FieldError(
      path,
      name,
      `its transport_socket has a rule (${rule}) that is not supported towards a control plane`,
    );
  }
  return tls;
}

function targetsOf({ name, discovery }: ClusterConfig, path: string): string[] {
  const targets =
    discovery.kind === 'static'
      ? discovery.endpoints.groups.flatMap(({ hosts }) => hosts.map(({ address }) => targetOf(address)))
      : discovery.kind === 'dns'
        ? discovery.endpoints.map(({ host, port }) => `dns:${host}:${port}`)
        : undefined;
  if (targets === undefined) throw new FieldError(path, name, 'must be a STATIC, STRICT_DNS or LOGICAL_DNS cluster');
  if (targets.length === 0) throw new FieldError(path, name, 'has no endpoint');
  return targets;
}

function targetOf(address: Address): string {
  return address.kind === 'pipe' ? `unix:${address.path}` : formatAddress(address);
}
