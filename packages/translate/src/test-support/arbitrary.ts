import type { Service } from '@sofamesh/contract/registry';
import type { Labels } from '@sofamesh/model/labels';
import type { MeshObject } from '@sofamesh/model/object';
import fc from 'fast-check';
import type { MeshSnapshot, ServiceWithInstances } from '../input.ts';
import { meshObject, meshSettings, proxyNode } from './scenario.ts';

// Few names and numbers, so that things meet: equal hosts, shared ports, rules of several namespaces.
const namespace = fc.constantFrom('shop', 'shared', 'istio-system');
const serviceName = fc.constantFrom('a', 'b', 'c');
const host = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(serviceName, namespace).map(([name, ns]) => `${name}.${ns}.svc.cluster.local`) },
  { weight: 2, arbitrary: fc.constantFrom('a.shop', 'api.example.com', '*.example.com', 'A.Example.com') },
);
const ruleHost = fc.oneof(serviceName, host, fc.constantFrom('*.svc.cluster.local', 'com.example.A', 'nobody'));
const portNumber = fc.constantFrom(80, 81, 9080, 12200);
const protocol = fc.constantFrom('http', 'http2', 'grpc', 'tcp', 'tls', 'udp', 'x-bolt', 'x-dubbo', 'unspecified');
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '127.0.0.11', 'unix:///run/a.sock', '::1');
const labels = fc.dictionary(fc.constantFrom('app', 'version'), fc.constantFrom('v1', 'v2'), { maxKeys: 2 });
const exportTo = fc.oneof(fc.constant([]), fc.constantFrom(['.'], ['*'], ['shop'], ['~']));
const few = <T>(item: fc.Arbitrary<T>, maxLength = 3) => fc.array(item, { maxLength });
const some = <T>(item: fc.Arbitrary<T>, maxLength = 3) => fc.array(item, { minLength: 1, maxLength });

const servicePort = fc.record(
  {
    name: fc.constantFrom('one', 'two'),
    number: portNumber,
    protocol,
    serviceLevel: fc.constantFrom('full' as const, 'light' as const, 'relay' as const),
  },
  { requiredKeys: ['name', 'number', 'protocol'] },
);
const service: fc.Arbitrary<ServiceWithInstances> = fc.record({
  service: fc.record<Service>({
    namespace,
    host,
    aliases: few(fc.constantFrom('com.example.A', 'com.example.B'), 2),
    addresses: few(fc.constantFrom('10.9.0.1', '10.9.0.2', '10.8.0.0/16', 'fd00::1'), 2),
    ports: fc.uniqueArray(servicePort, {
      minLength: 1,
      maxLength: 3,
      selector: ({ number }) => number,
    }),
    labels: fc.constant({}),
    resolution: fc.constantFrom('static', 'static', 'dns', 'passthrough'),
    external: fc.boolean(),
    exportTo,
  }),
  instances: few(
    fc.record({
      address,
      ports: fc.dictionary(fc.constantFrom('one', 'two'), portNumber, { maxKeys: 1 }),
      labels,
      weight: fc.constantFrom(1, 2, 100),
      locality: fc.constantFrom('', 'west/a', 'east/b/c'),
      serviceAccount: fc.constant(''),
      healthy: fc.boolean(),
      workload: fc.constant(''),
    }),
    4,
  ),
});

const subset = fc.constantFrom('v1', 'v2', 'none');
const destination = fc.record(
  { host: ruleHost, subset, port: fc.record({ number: portNumber }) },
  { requiredKeys: ['host'] },
);
const weighted = some(fc.record({ destination, weight: fc.nat(100) }));
const text = fc.oneof(
  fc.record({ exact: fc.constantFrom('/a', 'x') }),
  fc.record({ prefix: fc.constantFrom('/', '/b') }),
  fc.record({ regex: fc.constantFrom('/c/.*', '[0-9]+') }),
);
const callerMatch = {
  port: portNumber,
  sourceLabels: labels,
  sourceNamespace: namespace,
  gateways: fc.constantFrom(['mesh'], ['shop/gateway']),
};
const httpMatch = fc.record(
  {
    uri: text,
    headers: fc.dictionary(fc.constantFrom('x-a', 'x-b'), text, { maxKeys: 2 }),
    withoutHeaders: fc.dictionary(fc.constantFrom('x-c', 'x-d'), text, { maxKeys: 2 }),
    queryParams: fc.dictionary(fc.constantFrom('q', 'p'), text, { maxKeys: 2 }),
    method: text,
    ...callerMatch,
  },
  { requiredKeys: [] },
);
const operations = fc.record(
  {
    set: fc.dictionary(fc.constantFrom('x-a', 'host'), fc.constant('v'), { maxKeys: 1 }),
    remove: few(fc.constant('x-b')),
  },
  { requiredKeys: [] },
);
const httpRoute = fc
  .record(
    {
      name: fc.constantFrom('first', 'second'),
      match: few(httpMatch),
      timeout: fc.constantFrom('1s', '250ms'),
      retries: fc.record({ attempts: fc.nat(3), retryOn: fc.constantFrom('5xx', 'reset,503') }, { requiredKeys: [] }),
      fault: fc.constant({ abort: { httpStatus: 503, percentage: { value: 1 } } }),
      headers: fc.record({ request: operations, response: operations }, { requiredKeys: [] }),
      action: fc.oneof(
        { weight: 5, arbitrary: weighted.map((route) => ({ route })) },
        { weight: 1, arbitrary: fc.constant({ redirect: { uri: '/elsewhere' } }) },
        { weight: 1, arbitrary: fc.constant({ directResponse: { status: 404 } }) },
      ),
    },
    { requiredKeys: ['action'] },
  )
  .map(({ action, fault, ...route }) => ({ ...route, ...action, ...('route' in action && fault && { fault }) }));
const virtualService = resource(
  'VirtualService',
  fc.record(
    {
      hosts: some(ruleHost, 2),
      http: some(httpRoute),
      tcp: few(fc.record({ match: few(fc.record(callerMatch, { requiredKeys: [] })), route: weighted })),
      exportTo,
    },
    { requiredKeys: ['hosts', 'http'] },
  ),
);

const policy = fc.record(
  {
    loadBalancer: fc.record({ simple: fc.constantFrom('ROUND_ROBIN', 'RANDOM', 'PASSTHROUGH') }),
    connectionPool: fc.constantFrom({ tcp: { maxConnections: 1 } }, { http: { h2UpgradePolicy: 'UPGRADE' } }),
    tls: fc.record({ mode: fc.constantFrom('DISABLE', 'SIMPLE', 'ISTIO_MUTUAL') }),
  },
  { requiredKeys: [] },
);
const destinationRule = resource(
  'DestinationRule',
  fc.record(
    {
      host: ruleHost,
      subsets: fc.uniqueArray(
        fc.record(
          { name: fc.constantFrom('v1', 'v2'), labels, trafficPolicy: policy },
          { requiredKeys: ['name', 'labels'] },
        ),
        { maxLength: 2, selector: ({ name }) => name },
      ),
      trafficPolicy: policy,
      exportTo,
      workloadSelector: fc.record({ labels }),
    },
    { requiredKeys: ['host'] },
  ),
  fc.constantFrom(
    {},
    { 'rpc.mosn.io/carrier': 'http2', 'rpc.mosn.io/connections-per-host': '2' },
    { 'rpc.mosn.io/carrier': 'frame', 'rpc.mosn.io/pooling': 'bound' },
  ),
);

const sidecar = resource(
  'Sidecar',
  fc.record(
    {
      workloadSelector: fc.record({ labels }),
      outboundTrafficPolicy: fc.record({ mode: fc.constantFrom('REGISTRY_ONLY', 'ALLOW_ANY') }),
      ingress: some(
        fc.record({
          port: fc.record({
            number: portNumber,
            name: fc.constantFrom('p', 'x-bolt'),
            protocol: fc.constantFrom('HTTP', 'TCP', 'GRPC'),
          }),
          defaultEndpoint: fc.constantFrom('0.0.0.0:8080', '127.0.0.1:9080', 'unix:///run/app.sock', '0.0.0.0:80'),
        }),
      ),
      egress: some(
        fc.record(
          {
            hosts: some(fc.constantFrom('*/*', './*', 'shared/*', '~/*', '*/*.example.com'), 2),
            port: fc.record({ number: portNumber, name: fc.constant('p'), protocol: fc.constant('HTTP') }),
            bind: fc.constantFrom('127.0.0.50', '127.0.0.11'),
          },
          { requiredKeys: ['hosts'] },
        ),
      ),
    },
    { requiredKeys: [] },
  ),
);

/** Valid resources only: what validation refuses never reaches translation. */
function resource(
  kind: string,
  spec: fc.Arbitrary<unknown>,
  annotations: fc.Arbitrary<Labels> = fc.constant({}),
): fc.Arbitrary<MeshObject | undefined> {
  const name = fc.constantFrom('r1', 'r2', 'r3');
  return fc.record({ spec, metadata: fc.record({ name, namespace, annotations }) }).map(({ spec, metadata }) => {
    try {
      return meshObject({ apiVersion: 'networking.istio.io/v1', kind, metadata, spec });
    } catch {
      return undefined;
    }
  });
}

const objects = fc
  .tuple(few(virtualService, 5), few(destinationRule, 5), few(sidecar, 3))
  .map((lists) => lists.flat().filter((one) => one !== undefined));

export const snapshots: fc.Arbitrary<MeshSnapshot> = fc.record({
  revision: fc.constant(1),
  services: fc.uniqueArray(service, {
    maxLength: 7,
    selector: ({ service: { host, namespace } }) => `${namespace}/${host}`,
  }),
  objects,
  mesh: fc.record({
    ...(Object.fromEntries(Object.entries(meshSettings).map(([field, value]) => [field, fc.constant(value)])) as {
      [Field in keyof typeof meshSettings]: fc.Arbitrary<(typeof meshSettings)[Field]>;
    }),
    outboundTrafficPolicy: fc.constantFrom('REGISTRY_ONLY' as const, 'ALLOW_ANY' as const),
  }),
});

/** A later snapshot: some objects and services are gone, new or changed, and all others are the same objects. */
export const variation: fc.Arbitrary<(snapshot: MeshSnapshot) => MeshSnapshot> = fc
  .record({ added: objects, fresh: few(service, 2), drop: fc.nat(6) })
  .map(({ added, fresh, drop }) => (snapshot) => {
    const services = snapshot.services.filter((_, at) => at !== drop);
    const known = new Set(services.map(keyOf));
    return {
      ...snapshot,
      revision: snapshot.revision + 1,
      services: [
        ...services,
        ...fresh.filter(
          (one, at) => !known.has(keyOf(one)) && fresh.findIndex((other) => keyOf(other) === keyOf(one)) === at,
        ),
      ],
      objects: [...snapshot.objects.filter((_, at) => at !== drop), ...added],
    };
  });

function keyOf({ service }: ServiceWithInstances): string {
  return `${service.namespace}/${service.host}`;
}

export const proxies = fc
  .record(
    {
      namespace,
      labels,
      address: fc.constantFrom('127.0.0.11', '10.0.0.1'),
      stock: fc.boolean(),
      interceptionMode: fc.constantFrom('NONE' as const, 'NONE' as const, 'REDIRECT' as const),
    },
    { requiredKeys: ['namespace'] },
  )
  .map(proxyNode);
