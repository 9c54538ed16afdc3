import { createRegistry, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { FileAccessLogSchema } from '@sofamesh/api/gen/envoy/extensions/access_loggers/file/v3/file_pb';
import { RouterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import { TlsInspectorSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb';
import { HttpConnectionManagerSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { DownstreamTlsContextSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { systemClock } from '@sofamesh/base/clock';
import { silentLogger } from '@sofamesh/base/logger';
import type { Stats } from '@sofamesh/contract/stats';
import { GrpcServer } from '@sofamesh/xds/grpc/server';
import { AdsServer } from '@sofamesh/xds/server/ads-server';
import type { NamedBytes } from '@sofamesh/xds/server/encode-response';
import { listenerTypeUrl } from '@sofamesh/xds/type-urls';

const registry = createRegistry(
  HttpConnectionManagerSchema,
  RouterSchema,
  FileAccessLogSchema,
  TlsInspectorSchema,
  DownstreamTlsContextSchema,
);

/** Nobody reads what it counts. */
const noStats: Stats = {
  counter: () => ({ increment() {}, add() {}, value: 0 }),
  gauge: () => ({ set() {}, add() {}, value: 0 }),
  histogram: () => ({ record() {} }),
};

/** Serves listeners by ADS, so that a test can change them under load. */
export class TestControlPlane {
  readonly port: number;
  readonly #grpc: GrpcServer;
  readonly #ads: AdsServer;
  readonly #content: { version: number; listeners: NamedBytes[] };

  private constructor(
    port: number,
    grpc: GrpcServer,
    ads: AdsServer,
    content: { version: number; listeners: NamedBytes[] },
  ) {
    this.port = port;
    this.#grpc = grpc;
    this.#ads = ads;
    this.#content = content;
  }

  static async start(): Promise<TestControlPlane> {
    const content = { version: 0, listeners: [] as NamedBytes[] };
    const ads = new AdsServer({
      clock: systemClock,
      logger: silentLogger,
      stats: noStats,
      resourcesFor: (_proxy, typeUrl) =>
        typeUrl === listenerTypeUrl ? { version: String(content.version), resources: content.listeners } : undefined,
    });
    const grpc = new GrpcServer();
    ads.register(grpc);
    const { port } = await grpc.listen('127.0.0.1:0');
    return new TestControlPlane(port, grpc, ads, content);
  }

  /** Listeners as JSON with Envoy's field names. */
  serve(listeners: readonly object[]): void {
    this.#content.version++;
    this.#content.listeners = listeners.map((one) => {
      const message = fromJson(ListenerSchema, one as JsonValue, { registry });
      return { name: message.name, bytes: toBinary(ListenerSchema, message) };
    });
    this.#ads.push([listenerTypeUrl]);
  }

  /** True when the proxy has taken what was served last. Throws when it refused it. */
  get accepted(): boolean {
    const type = this.#ads.statuses()[0]?.types.find(({ typeUrl }) => typeUrl === listenerTypeUrl);
    const version = String(this.#content.version);
    if (type?.nackedVersion === version) throw new Error(`the proxy refused the listeners: ${type.error}`);
    return type?.ackedVersion === version;
  }

  async stop(): Promise<void> {
    this.#ads.close();
    await this.#grpc.close(0);
  }
}
