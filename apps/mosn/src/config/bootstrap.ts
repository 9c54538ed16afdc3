import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
import {
  type Bootstrap,
  BootstrapSchema,
  type Bootstrap_DynamicResources as DynamicResources,
} from '@sofamesh/api/gen/envoy/config/bootstrap/v3/bootstrap_pb';
import { type Cluster, ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { type Node, NodeSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { type Listener, ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { Address } from '@sofamesh/base/address';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import { keepKnownExtensions } from './bootstrap-extensions.ts';
import { type ReadCluster, readCluster } from './cluster.ts';
import { type DiscoverySource, readConfigSource } from './config-source.ts';
import { contentVersion } from './content-version.ts';
import type { ReadContext } from './context.ts';
import { type ControlPlaneConfig, readControlPlane } from './control-plane.ts';
import type { Extensions } from './extensions.ts';
import { addressOf, FieldError } from './fields.ts';
import { checkJson } from './json-check.ts';
import { type ReadListener, readListener } from './listener.ts';
import { loadText } from './load-text.ts';
import { keepKnownOverload, monitoredConnectionsMax } from './overload.ts';
import { downstreamConnectionsMax, noRuntime, type Runtime, readRuntime } from './runtime.ts';
import type { SecretService } from './secret-reference.ts';
import { noSecrets, Secrets } from './secrets.ts';
import { noTracing, readProvider, type TracingDefaults } from './tracing.ts';

/** What a bootstrap says, checked and read; resources are kept as messages too, for `/config_dump`. */
export interface BootstrapConfig {
  readonly message: Bootstrap;
  /** As given; what the program adds is in `dynamic/node.ts`. */
  readonly node: Node;
  readonly admin: Address | undefined;
  readonly clusters: readonly StaticResource<Cluster, ReadCluster>[];
  readonly listeners: readonly StaticResource<Listener, ReadListener>[];
  /** Undefined: everything is static. */
  readonly controlPlane: ControlPlaneConfig | undefined;
  readonly cds: DiscoverySource | undefined;
  readonly lds: DiscoverySource | undefined;
  readonly runtime: Runtime;
  /** Static ones, which resources of a control plane may name, too. */
  readonly secrets: Secrets;
  /** For the listeners of a control plane, too. */
  readonly tracing: TracingDefaults;
  /** Connections of all listeners of one worker; undefined without a limit. */
  readonly downstreamConnectionsMax: number | undefined;
  /** What is given and has no effect, for the log. */
  readonly warnings: readonly string[];
}

export interface StaticResource<Message, Read> {
  readonly message: Message;
  readonly read: Read;
}

/** All that is wrong with a bootstrap, a line each: path, value, reason. */
export class BootstrapError extends CodedError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('bad_bootstrap', problems.join('\n'));
    this.problems = problems;
  }
}

export interface BootstrapText {
  readonly text: string;
  /** Where it comes from, for errors: the file's name. */
  readonly origin: string;
}

/** Turns a file that is written for another proxy into a bootstrap, and leaves others alone. May throw a BootstrapError. */
export type Translate = (json: JsonValue, warnings: string[]) => JsonValue;

/** The parts of `envoy.config.bootstrap.v3.Bootstrap` that are acted on; the others are left out with a warning. */
const actedOn: ReadonlySet<string> = new Set([
  'node',
  'static_resources',
  'dynamic_resources',
  'admin',
  'layered_runtime',
  'bootstrap_extensions',
  'tracing',
  'overload_manager',
]);

/**
 * Reads Envoy bootstraps, YAML or JSON. Several are merged as protobuf merges messages: what a later one gives replaces
 * what an earlier one has, messages are merged field by field and lists are put one after the other. `translate` sees each
 * before it is checked. Throws {@link BootstrapError}.
 */
export function readBootstrap(
  texts: readonly BootstrapText[],
  registry: Registry,
  extensions: Extensions,
  translate: Translate = (json) => json,
): BootstrapConfig {
  const warnings: string[] = [];
  const problems: string[] = [];
  const encoded = texts.map(({ text, origin }) => {
    try {
      const json = leaveOut(translate(loadText(text, origin), warnings), warnings);
      const errors = checkJson(BootstrapSchema, json, registry);
      problems.push(...errors.map(({ message }) => message));
      if (errors.length > 0) return new Uint8Array();
      return toBinary(BootstrapSchema, fromJson(BootstrapSchema, json, { registry }));
    } catch (thrown) {
      problems.push(...(thrown instanceof BootstrapError ? thrown.problems : [messageOf(thrown)]));
      return new Uint8Array();
    }
  });
  if (problems.length > 0) throw new BootstrapError(problems);
  return new BootstrapReader(fromBinary(BootstrapSchema, Buffer.concat(encoded)), extensions, warnings).read();
}

function leaveOut(json: JsonValue, warnings: string[]): JsonValue {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  const kept: JsonObject = {};
  for (const [key, value] of Object.entries(json)) {
    const field = BootstrapSchema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    const leave = (at: string) => warnings.push(`${at}: has no effect in this proxy`);
    if (field?.name === 'bootstrap_extensions') kept[key] = keepKnownExtensions(value, leave);
    else if (field?.name === 'overload_manager') kept[key] = keepKnownOverload(value, leave);
    else if (field === undefined || actedOn.has(field.name)) kept[key] = value;
    else leave(field.name);
  }
  return kept;
}

class BootstrapReader {
  readonly #message: Bootstrap;
  readonly #extensions: Extensions;
  readonly #warnings: string[];
  readonly #problems: string[] = [];
  #runtime: Runtime = noRuntime;
  #secrets: Secrets = noSecrets;
  #tracing: TracingDefaults = noTracing;
  /** Undefined: clusters come from a control plane, too. */
  #clusters: ReadonlySet<string> | undefined = undefined;

  constructor(message: Bootstrap, extensions: Extensions, warnings: string[]) {
    this.#message = message;
    this.#extensions = extensions;
    this.#warnings = warnings;
  }

  read(): BootstrapConfig {
    const { node = create(NodeSchema), admin, staticResources, dynamicResources } = this.#message;
    const services: SecretService[] = [];
    this.#secrets = new Secrets(staticResources?.secrets ?? [], new Map(), (service) => services.push(service));
    this.#runtime = readRuntime(this.#message.layeredRuntime, (warning) => this.#warnings.push(warning));
    this.#tracing = { service: node.cluster, provider: this.#attempt(() => this.#provider()) };
    const connectionsMax = this.#attempt(
      () => monitoredConnectionsMax(this.#message.overloadManager) ?? downstreamConnectionsMax(this.#runtime),
    );
    const clusters = this.#resources('clusters', ClusterSchema, staticResources?.clusters ?? [], readCluster);
    if (dynamicResources?.cdsConfig === undefined) {
      this.#clusters = new Set(staticResources?.clusters.map(({ name }) => name));
    }
    const listeners = this.#resources('listeners', ListenerSchema, staticResources?.listeners ?? [], readListener);
    const dynamic = this.#dynamic(dynamicResources, clusters);
    if (dynamic.controlPlane === undefined) this.#refuseAds(clusters, listeners);
    const servers = clusters.map(({ read }) => read.config);
    for (const { source, path } of services) this.#attempt(() => readControlPlane(source, servers, path, () => {}));
    const adminAddress = this.#attempt(() => admin?.address && adminAddressOf(admin.address));
    if (this.#problems.length > 0) throw new BootstrapError(this.#problems);
    return {
      message: this.#message,
      node,
      admin: adminAddress,
      clusters,
      listeners,
      ...dynamic,
      runtime: this.#runtime,
      secrets: this.#secrets,
      tracing: this.#tracing,
      downstreamConnectionsMax: connectionsMax,
      warnings: this.#warnings,
    };
  }

  #resources<Desc extends DescMessage, Read extends ReadCluster | ReadListener>(
    field: string,
    schema: Desc,
    messages: readonly MessageShape<Desc>[],
    readOne: (message: MessageShape<Desc>, version: string, context: ReadContext) => Read,
  ): StaticResource<MessageShape<Desc>, Read>[] {
    const seen = new Map<string, number>();
    return messages.flatMap((message, index) => {
      const path = `static_resources.${field}[${index}]`;
      const ignored = (at: string) => this.#warnings.push(`${path}.${at}: has no effect in this proxy`);
      const read = this.#attempt(
        () => readOne(message, contentVersion(toBinary(schema, message)), this.#contextWith(ignored)),
        path,
      );
      if (read === undefined) return [];
      const { name } = read.config;
      const before = seen.get(name);
      seen.set(name, index);
      if (before !== undefined) {
        this.#problems.push(new FieldError(`${path}.name`, name, `is the name of ${field}[${before}] too`).message);
      }
      return [{ message, read }];
    });
  }

  #contextWith(ignored: ReadContext['ignored']): ReadContext {
    return {
      extensions: this.#extensions,
      runtime: this.#runtime,
      secrets: this.#secrets,
      tracing: this.#tracing,
      ...(this.#message.node !== undefined && { node: this.#message.node }),
      clusters: this.#clusters,
      ignored,
    };
  }

  #provider(): TracingDefaults['provider'] {
    const { node, tracing } = this.#message;
    const ignored = (at: string) => this.#warnings.push(`${at}: has no effect in this proxy`);
    return tracing?.http && readProvider(tracing.http, 'tracing.http', node?.cluster ?? '', ignored);
  }

  #dynamic(
    dynamic: DynamicResources | undefined,
    clusters: readonly StaticResource<Cluster, ReadCluster>[],
  ): Pick<BootstrapConfig, 'controlPlane' | 'cds' | 'lds'> {
    const configs = clusters.map(({ read }) => read.config);
    const path = 'dynamic_resources';
    const adsConfig = dynamic?.adsConfig;
    const warn = (warning: string) => this.#warnings.push(warning);
    const controlPlane = this.#attempt(
      () => adsConfig && readControlPlane(adsConfig, configs, `${path}.ads_config`, warn),
    );
    const source = (field: 'cdsConfig' | 'ldsConfig', at: string) => {
      const config = dynamic?.[field];
      if (config !== undefined && adsConfig === undefined) {
        this.#problems.push(new FieldError(`${path}.ads_config`, undefined, `${at} needs it`).message);
      }
      return this.#attempt(() => config && readConfigSource(config, `${path}.${at}`));
    };
    return { controlPlane, cds: source('cdsConfig', 'cds_config'), lds: source('ldsConfig', 'lds_config') };
  }

  /** Without a control plane nothing would ever arrive. */
  #refuseAds(
    clusters: readonly StaticResource<Cluster, ReadCluster>[],
    listeners: readonly StaticResource<Listener, ReadListener>[],
  ): void {
    const refuse = (what: string, name: string) =>
      this.#problems.push(
        new FieldError('dynamic_resources.ads_config', undefined, `${what} ${name} needs it`).message,
      );
    if (this.#message.dynamicResources?.adsConfig !== undefined) return;
    for (const { read } of clusters) if (read.config.discovery.kind === 'eds') refuse('EDS cluster', read.config.name);
    for (const { read } of listeners) for (const { name } of read.routes) refuse('RDS route configuration', name);
    for (const { read } of [...clusters, ...listeners])
      for (const { name, service } of read.secrets) if (service === undefined) refuse('secret', name);
  }

  #attempt<T>(read: () => T, prefix?: string): T | undefined {
    try {
      return read();
    } catch (thrown) {
      const error = thrown instanceof FieldError && prefix !== undefined ? thrown.within(prefix) : thrown;
      this.#problems.push(messageOf(error));
      return undefined;
    }
  }
}

function adminAddressOf(address: Parameters<typeof addressOf>[0]): Address {
  const read = addressOf(address, 'admin.address');
  const compat = address?.address.case === 'socketAddress' && address.address.value.ipv4Compat;
  return read.kind === 'ip' && compat ? { ...read, ipv4Compat: true } : read;
}
