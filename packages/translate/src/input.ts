import type { Instance, Service } from '@sofamesh/contract/registry';
import type { MeshObject } from '@sofamesh/model/object';

/**
 * What translation reads: an immutable picture of the mesh. A change makes a new one in which unchanged parts are the
 * same objects, so that caches may be keyed by identity.
 */
export interface MeshSnapshot {
  readonly revision: number;
  /** By host name and namespace, in a stable order. Hosts are fully qualified. */
  readonly services: readonly ServiceWithInstances[];
  /** VirtualService, DestinationRule, Sidecar: whatever is not turned into services. */
  readonly objects: readonly MeshObject[];
  readonly mesh: MeshSettings;
}

export interface ServiceWithInstances {
  readonly service: Service;
  readonly instances: readonly Instance[];
}

/** The part of Istio's MeshConfig that is acted on. */
export interface MeshSettings {
  /** `istio-system`: whose Sidecar and DestinationRule hold for all namespaces. */
  readonly rootNamespace: string;
  /** `cluster.local`. */
  readonly domain: string;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly accessLogFile: string;
  /** Empty: Envoy's default. */
  readonly accessLogFormat: string;
  readonly connectTimeoutMs: number;
}

/** A proxy that is connected, as its xDS node describes it (design: names and addresses). */
export interface ProxyNode {
  readonly id: string;
  readonly type: 'sidecar' | 'router';
  /** First IP address. */
  readonly address: string;
  readonly addresses: readonly string[];
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly interceptionMode: 'REDIRECT' | 'TPROXY' | 'NONE';
  readonly userAgent: string;
  /** Type URLs that the node's extensions declare; empty for a proxy that does not say. */
  readonly typeUrls: ReadonlySet<string>;
}

/** What a proxy gets: protobuf-es messages by name, in a stable order. */
export interface ProxyResources {
  readonly clusters: readonly NamedResource[];
  readonly endpoints: readonly NamedResource[];
  readonly listeners: readonly NamedResource[];
  readonly routes: readonly NamedResource[];
  /** Contradictions that translation met (two VirtualServices for one host, …), for status and `meshctl analyze`. */
  readonly notes: readonly TranslationNote[];
}

export interface NamedResource {
  readonly name: string;
  /** Encoded message of the list's type, without its Any. Equal content has equal bytes. */
  readonly bytes: Uint8Array;
}

export interface TranslationNote {
  readonly object: string;
  readonly reason: string;
}
