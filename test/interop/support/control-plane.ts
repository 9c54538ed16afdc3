import { createRegistry, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { FileAccessLogSchema } from '@sofamesh/api/gen/envoy/extensions/access_loggers/file/v3/file_pb';
import { RouterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import { TlsInspectorSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb';
import { HttpConnectionManagerSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { SecretSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { DownstreamTlsContextSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { HttpProtocolOptionsSchema } from '@sofamesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { XProxySchema } from '@sofamesh/api/gen/mosn/extensions/filters/network/x_proxy/v1/x_proxy_pb';
import { systemClock } from '@sofamesh/base/clock';
import { silentLogger } from '@sofamesh/base/logger';
import type { Stats } from '@sofamesh/contract/stats';
import { GrpcServer } from '@sofamesh/xds/grpc/server';
import { AdsServer } from '@sofamesh/xds/server/ads-server';
import type { NamedBytes } from '@sofamesh/xds/server/encode-response';
import {
  clusterTypeUrl,
  endpointsTypeUrl,
  listenerTypeUrl,
  routeTypeUrl,
  secretsMethod,
  secretTypeUrl,
} from '@sofamesh/xds/type-urls';

const registry = createRegistry(
  HttpConnectionManagerSchema,
  RouterSchema,
  FileAccessLogSchema,
  TlsInspectorSchema,
  DownstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
  XProxySchema,
);

/** Nobody reads what it counts. */
const noStats: Stats = {
  counter: () => ({ increment() {}, add() {}, value: 0 }),
  gauge: () => ({ set() {}, add() {}, value: 0 }),
  histogram: () => ({ record() {} }),
};

/** What it can serve, and how to encode each. */
const kinds = {
  clusters: {
    typeUrl: clusterTypeUrl,
    encode: (json: JsonValue): NamedBytes => {
      const message = fromJson(ClusterSchema, json, { registry });
      return { name: message.name, bytes: toBinary(ClusterSchema, message) };
    },
  },
  endpoints: {
    typeUrl: endpointsTypeUrl,
    encode: (json: JsonValue): NamedBytes => {
      const message = fromJson(ClusterLoadAssignmentSchema, json, { registry });
      return { name: message.clusterName, bytes: toBinary(ClusterLoadAssignmentSchema, message) };
    },
  },
  listeners: {
    typeUrl: listenerTypeUrl,
    encode: (json: JsonValue): NamedBytes => {
      const message = fromJson(ListenerSchema, json, { registry });
      return { name: message.name, bytes: toBinary(ListenerSchema, message) };
    },
  },
  routes: {
    typeUrl: routeTypeUrl,
    encode: (json: JsonValue): NamedBytes => {
      const message = fromJson(RouteConfigurationSchema, json, { registry });
      return { name: message.name, bytes: toBinary(RouteConfigurationSchema, message) };
    },
  },
  secrets: {
    typeUrl: secretTypeUrl,
    encode: (json: JsonValue): NamedBytes => {
      const message = fromJson(SecretSchema, json, { registry });
      return { name: message.name, bytes: toBinary(SecretSchema, message) };
    },
  },
};
export type ResourceKind = keyof typeof kinds;

interface Served {
  version: string;
  resources: readonly NamedBytes[];
}

/** Serves resources by ADS, and secrets by a service of their own as well, so that a test can change them under load. */
export class TestControlPlane {
  readonly port: number;
  readonly #grpc: GrpcServer;
  readonly #ads: AdsServer;
  /** By type URL. */
  readonly #served: Map<string, Served>;
  #versions = 0;

  private constructor(port: number, grpc: GrpcServer, ads: AdsServer, served: Map<string, Served>) {
    this.port = port;
    this.#grpc = grpc;
    this.#ads = ads;
    this.#served = served;
  }

  static async start(): Promise<TestControlPlane> {
    const served = new Map<string, Served>();
    const ads = new AdsServer({
      clock: systemClock,
      logger: silentLogger,
      stats: noStats,
      resourcesFor: (_proxy, typeUrl) => served.get(typeUrl),
    });
    const grpc = new GrpcServer();
    ads.register(grpc);
    grpc.handle(secretsMethod, (stream) => ads.accept(stream));
    const { port } = await grpc.listen('127.0.0.1:0');
    return new TestControlPlane(port, grpc, ads, served);
  }

  /** All resources of a kind, as JSON with Envoy's field names. */
  serve(kind: ResourceKind, resources: readonly object[]): void {
    const { typeUrl, encode } = kinds[kind];
    const version = String(++this.#versions);
    this.#served.set(typeUrl, { version, resources: resources.map((one) => encode(one as JsonValue)) });
    this.#ads.push([typeUrl]);
  }

  /** True when the proxy has taken all that was served last. Throws when it refused something. */
  get accepted(): boolean {
    const types = this.#ads.statuses()[0]?.types ?? [];
    for (const [served, { version }] of this.#served) {
      const type = types.find(({ typeUrl }) => typeUrl === served);
      if (type?.nackedVersion === version) throw new Error(`the proxy refused ${served}: ${type.error}`);
      if (type?.ackedVersion !== version) return false;
    }
    return true;
  }

  async stop(): Promise<void> {
    this.#ads.close();
    await this.#grpc.close(0);
  }
}
