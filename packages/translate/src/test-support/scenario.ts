import type { Instance, Service, ServicePort } from '@sofamesh/contract/registry';
import { checkAnnotationNames } from '@sofamesh/model/annotations/check';
import { annotatedPort } from '@sofamesh/model/annotations/service';
import type { Remark } from '@sofamesh/model/finding';
import { Report } from '@sofamesh/model/finding';
import type { Kind } from '@sofamesh/model/kind';
import { type KindName, kinds } from '@sofamesh/model/kinds/registry';
import type { Endpoint } from '@sofamesh/model/kinds/workload-entry/types';
import { labelsMatch } from '@sofamesh/model/labels';
import { deepFreeze, type MeshObject, type Metadata, ofKind } from '@sofamesh/model/object';
import { formatPath } from '@sofamesh/model/path';
import { resolveIstioPort } from '@sofamesh/model/port-protocol';
import { checkSchema } from '@sofamesh/model/schema/check';
import { X_PROXY_TYPE_URL } from '../core/listener-filters.ts';
import type { MeshSettings, MeshSnapshot, ProxyNode, ServiceWithInstances } from '../input.ts';
import { RPC_OPTIONS_TYPE_URL } from '../policies/rpc/rpc.ts';

/** What a golden input says: resources as users write them and, in a document without `kind`, who asks. */
export interface Scenario {
  readonly proxy: ProxyNode;
  readonly snapshot: MeshSnapshot;
}

export interface Setting {
  /** `stock: true` is a proxy without our RPC filter. */
  readonly proxy?: Partial<ProxyNode> & { readonly stock?: boolean };
  readonly mesh?: Partial<MeshSettings>;
}

export function scenario(documents: readonly unknown[]): Scenario {
  const setting = documents.find((one) => !isResource(one)) as Setting | undefined;
  const objects = documents.filter(isResource).map(meshObject);
  return { proxy: proxyNode(setting?.proxy), snapshot: snapshotOf(objects, setting?.mesh) };
}

export const meshSettings: MeshSettings = {
  rootNamespace: 'istio-system',
  domain: 'cluster.local',
  outboundTrafficPolicy: 'ALLOW_ANY',
  accessLogFile: '',
  accessLogFormat: '',
  connectTimeoutMs: 10_000,
};

export function snapshotOf(objects: readonly MeshObject[], mesh: Partial<MeshSettings> = {}): MeshSnapshot {
  return { revision: 1, services: servicesOf(objects), objects, mesh: { ...meshSettings, ...mesh } };
}

export function proxyNode({ stock = false, ...given }: NonNullable<Setting['proxy']> = {}): ProxyNode {
  const { name = 'client', namespace = 'shop', address = '127.0.0.11' } = given;
  return {
    id: `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    type: 'sidecar',
    address,
    addresses: [address],
    name,
    namespace,
    labels: {},
    interceptionMode: 'NONE',
    userAgent: stock ? 'envoy' : 'mosn',
    typeUrls: new Set(stock ? [] : [X_PROXY_TYPE_URL, RPC_OPTIONS_TYPE_URL]),
    ...given,
  };
}

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Partial<Metadata> & { readonly name: string };
  readonly spec: unknown;
}

function isResource(value: unknown): value is Resource {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

/** Validated, with defaults: throws for what a user would be told is wrong. */
export function meshObject(resource: Resource): MeshObject {
  const kind = kinds.get(resource.kind as KindName) as Kind | undefined;
  if (kind === undefined) throw new Error(`unknown kind ${resource.kind}`);
  const metadata: Metadata = { namespace: 'shop', labels: {}, annotations: {}, ...resource.metadata };
  const remarks: Remark[] = checkSchema(kind.schema, resource.spec, ['spec']);
  const raw = { metadata, spec: resource.spec as never };
  if (remarks.length === 0) {
    const atAnnotations = new Report(remarks, ['metadata', 'annotations']);
    kind.validate(raw, new Report(remarks, ['spec']), {});
    checkAnnotationNames(metadata.annotations, kind, kinds.values(), atAnnotations);
    kind.validateAnnotations?.(raw, atAnnotations, {});
  }
  const errors = remarks.filter(({ level }) => level === 'error');
  if (errors.length > 0) {
    const texts = errors.map(({ path, reason }) => `${formatPath(path)}: ${reason}`);
    throw new Error(`${resource.kind} ${metadata.name}: ${texts.join('; ')}`);
  }
  return deepFreeze({
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata,
    spec: kind.applyDefaults(raw),
    source: { file: 'test.yaml', line: 1, document: 1 },
  }) as MeshObject;
}

const resolutions: Readonly<Record<string, Service['resolution']>> = { STATIC: 'static', NONE: 'passthrough' };

/** Stands in for the control plane's services: ServiceEntries with their endpoints or the WorkloadEntries that they select. */
export function servicesOf(objects: readonly MeshObject[]): readonly ServiceWithInstances[] {
  const workloads = ofKind(objects, 'WorkloadEntry');
  return ofKind(objects, 'ServiceEntry')
    .flatMap(({ metadata, spec }): ServiceWithInstances[] => {
      const ports = spec.ports.map((port): ServicePort => {
        const resolved = resolveIstioPort(port);
        const { protocol, xProtocol } = resolved;
        return {
          name: port.name,
          number: port.number,
          protocol: xProtocol ? `x-${xProtocol}` : protocol.toLowerCase(),
          ...annotatedPort(metadata.annotations, { name: port.name, resolved }),
        };
      });
      const isRpc = ports.some(({ protocol }) => protocol.startsWith('x-'));
      const { workloadSelector: selector } = spec;
      const selected = workloads.filter(
        (one) =>
          one.metadata.namespace === metadata.namespace && selector && labelsMatch(selector.labels, one.spec.labels),
      );
      const instances = [
        ...spec.endpoints.map((endpoint) => instanceOf(endpoint, '')),
        ...selected.map((one) => instanceOf(one.spec, one.metadata.name)),
      ];
      return (isRpc ? spec.hosts.slice(0, 1) : spec.hosts).map((host) => ({
        service: {
          namespace: metadata.namespace,
          host,
          aliases: isRpc ? spec.hosts.slice(1) : [],
          addresses: spec.addresses,
          ports,
          labels: metadata.labels,
          resolution: resolutions[spec.resolution] ?? 'dns',
          external: spec.location === 'MESH_EXTERNAL',
          exportTo: spec.exportTo,
        },
        instances,
      }));
    })
    .sort((a, b) => (a.service.host < b.service.host ? -1 : 1));
}

function instanceOf(endpoint: Endpoint, workload: string): Instance {
  const { address, ports, labels, weight, locality, serviceAccount } = endpoint;
  return { address, ports, labels, weight, locality, serviceAccount, healthy: true, workload };
}
