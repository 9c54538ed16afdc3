import { createRegistry, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { RpcProtocolOptionsSchema } from '@sofamesh/api/gen/mosn/extensions/upstreams/rpc/v1/rpc_protocol_options_pb';
import { systemClock } from '@sofamesh/base/clock';
import { silentLogger } from '@sofamesh/base/logger';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { GrpcServer } from '@sofamesh/xds/grpc/server';
import { AdsServer } from '@sofamesh/xds/server/ads-server';
import type { NamedBytes } from '@sofamesh/xds/server/encode-response';
import { clusterTypeUrl, routeTypeUrl } from '@sofamesh/xds/type-urls';

const registry = createRegistry(RpcProtocolOptionsSchema);

/** A control plane that serves clusters and routes, as JSON says them. */
export class RpcControlPlane {
  port = 0;
  readonly #grpc = new GrpcServer();
  readonly #ads: AdsServer;
  readonly #resources = new Map<string, { version: number; list: readonly NamedBytes[] }>();
  readonly #acked = new Map<string, string>();
  readonly #errors: string[] = [];

  constructor() {
    this.#ads = new AdsServer({
      clock: systemClock,
      logger: silentLogger,
      stats: new MemoryStats(),
      resourcesFor: (_proxy, typeUrl, names) => {
        const found = this.#resources.get(typeUrl);
        if (found === undefined) return undefined;
        return {
          version: String(found.version),
          resources: names === undefined ? found.list : found.list.filter(({ name }) => names.has(name)),
        };
      },
      onStatus: ({ types }) => {
        for (const { typeUrl, ackedVersion, error } of types) {
          this.#acked.set(typeUrl, ackedVersion);
          if (error !== '') this.#errors.push(error);
        }
      },
    });
    this.#ads.register(this.#grpc);
  }

  async start(): Promise<void> {
    this.port = (await this.#grpc.listen('127.0.0.1:0')).port;
  }

  setClusters(clusters: readonly { readonly name: string }[]): () => boolean {
    return this.#set(
      clusterTypeUrl,
      clusters.map((json) => ({
        name: json.name,
        bytes: toBinary(ClusterSchema, fromJson(ClusterSchema, json as unknown as JsonValue, { registry })),
      })),
    );
  }

  setRoutes(routes: readonly { readonly name: string }[]): () => boolean {
    return this.#set(
      routeTypeUrl,
      routes.map((json) => {
        const message = fromJson(RouteConfigurationSchema, json as unknown as JsonValue, { registry });
        return { name: json.name, bytes: toBinary(RouteConfigurationSchema, message) };
      }),
    );
  }

  async close(): Promise<void> {
    this.#ads.close();
    await this.#grpc.close(0);
  }

  /** Returns whether the proxy has accepted it by now. Throws when it has refused something. */
  #set(typeUrl: string, list: readonly NamedBytes[]): () => boolean {
    const version = (this.#resources.get(typeUrl)?.version ?? 0) + 1;
    this.#resources.set(typeUrl, { version, list });
    this.#ads.push([typeUrl]);
    return () => {
      if (this.#errors.length > 0) throw new Error(`refused: ${this.#errors.join('; ')}`);
      return this.#acked.get(typeUrl) === String(version);
    };
  }
}
