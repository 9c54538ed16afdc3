import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@sofamesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { MessageStream, StreamStatus } from '@sofamesh/contract/message-stream';
import { GrpcDialer } from '@sofamesh/xds/grpc/dialer';
import { adsMethod, clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl } from '@sofamesh/xds/type-urls';

const typeUrls = {
  clusters: clusterTypeUrl,
  endpoints: endpointsTypeUrl,
  listeners: listenerTypeUrl,
  routes: routeTypeUrl,
} as const;
export type Kind = keyof typeof typeUrls;

const pollMs = 5;
const waitMsMax = 20_000;
/** Longer than meshd waits for quiet before it reads a change, and than two pushes lie apart. */
const quietMs = 400;

/** A response as a test looks at it. */
export class XdsResponse {
  readonly kind: Kind;
  readonly version: string;
  readonly #resources: readonly Any[];

  constructor(kind: Kind, version: string, resources: readonly Any[]) {
    this.kind = kind;
    this.version = version;
    this.#resources = resources;
  }

  names(): string[] {
    return this.#resources.map(({ value }) => nameOf(this.kind, value));
  }

  /** What names and addresses stand in the resources (in those whose name holds `part`): protobuf keeps text readable. */
  text(part = ''): string {
    return this.#resources
      .filter(({ value }) => nameOf(this.kind, value).includes(part))
      .map(({ value }) => Buffer.from(value).toString('latin1'))
      .join('\n');
  }

  /** Route configurations that listeners ask for. */
  routeNames(): string[] {
    const names = this.text().match(/x\|\d+\|[\w.-]+\.local/g) ?? [];
    return [...new Set([...names, '9080'])].sort();
  }
}

function nameOf(kind: Kind, value: Uint8Array): string {
  switch (kind) {
    case 'clusters':
      return fromBinary(ClusterSchema, value).name;
    case 'endpoints':
      return fromBinary(ClusterLoadAssignmentSchema, value).clusterName;
    case 'listeners':
      return fromBinary(ListenerSchema, value).name;
    case 'routes':
      return fromBinary(RouteConfigurationSchema, value).name;
  }
}

/** A proxy that only speaks the protocol: it accepts what it is sent unless it was told to refuse it, and records all. */
export class XdsClient {
  readonly responses: XdsResponse[] = [];
  readonly ended: Promise<StreamStatus>;
  readonly #dialer: GrpcDialer;
  readonly #stream: MessageStream;
  readonly #node: object;
  readonly #names = new Map<Kind, readonly string[]>();
  readonly #refusals = new Map<Kind, string>();
  #lastMs = performance.now();
  #end: StreamStatus | undefined;

  constructor(target: string, id: string, metadata: JsonObject, declared: readonly string[]) {
    this.#node = { id, metadata, extensions: [{ name: 'declared', typeUrls: [...declared] }] };
    this.#dialer = new GrpcDialer({ targets: [target] });
    let onEnd: (status: StreamStatus) => void = () => {};
    this.ended = new Promise((resolve) => {
      onEnd = resolve;
    });
    this.#stream = this.#dialer.open(adsMethod, {
      onMessage: (bytes) => this.#onResponse(bytes),
      onClose: (status) => {
        this.#end = status;
        onEnd(status);
      },
    });
  }

  ask(kind: Kind, names: readonly string[], answer: { readonly nonce?: string; readonly error?: string } = {}): void {
    this.#names.set(kind, names);
    const request = create(DiscoveryRequestSchema, {
      node: this.#node,
      typeUrl: typeUrls[kind],
      resourceNames: [...names],
      responseNonce: answer.nonce ?? '',
      ...(answer.error !== undefined && { errorDetail: { code: 13, message: answer.error } }),
    });
    this.#stream.send(toBinary(DiscoveryRequestSchema, request));
  }

  /** Asks, and resolves with the answer. */
  async subscribe(kind: Kind, names: readonly string[] = []): Promise<XdsResponse> {
    const at = this.responses.length;
    this.ask(kind, names);
    return this.until(`an answer for ${kind}`, () =>
      this.responses.slice(at).find((response) => response.kind === kind),
    );
  }

  refuseNext(kind: Kind, reason: string): void {
    this.#refusals.set(kind, reason);
  }

  async until<T>(what: string, condition: () => T | undefined | false): Promise<T> {
    const deadlineMs = performance.now() + waitMsMax;
    for (;;) {
      const value = condition();
      if (value !== undefined && value !== false) return value;
      if (this.#end !== undefined) throw new Error(`the stream ended before ${what}: ${this.#end.message}`);
      if (performance.now() > deadlineMs) throw new Error(`no ${what} within ${waitMsMax} ms`);
      await sleep(pollMs);
    }
  }

  /** Waits until nothing has come for a while: the only way to see that something is not sent. */
  async quiet(): Promise<void> {
    for (let leftMs = quietMs; leftMs > 0; leftMs = this.#lastMs + quietMs - performance.now()) await sleep(leftMs);
  }

  close(): void {
    this.#dialer.close();
  }

  #onResponse(bytes: Uint8Array): void {
    this.#lastMs = performance.now();
    const { typeUrl, versionInfo, nonce, resources } = fromBinary(DiscoveryResponseSchema, bytes);
    const kind = (Object.keys(typeUrls) as Kind[]).find((one) => typeUrls[one] === typeUrl);
    if (kind === undefined) return;
    const error = this.#refusals.get(kind);
    this.#refusals.delete(kind);
    this.ask(kind, this.#names.get(kind) ?? [], { nonce, ...(error !== undefined && { error }) });
    this.responses.push(new XdsResponse(kind, versionInfo, resources));
  }
}
