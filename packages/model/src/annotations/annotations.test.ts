import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatFinding } from '../finding.ts';
import type { KindName } from '../kinds/registry.ts';
import { type ReadOptions, readText } from '../read.ts';
import { resource } from '../test-support/read-one.ts';
import { carrier, connectionsPerHost } from './destination.ts';
import { readScoped } from './scoped-value.ts';
import { annotatedPort } from './service.ts';

const specs: Partial<Record<KindName, string>> = {
  DestinationRule:
    '{host: a, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: canary}]}',
  ServiceEntry:
    '{hosts: [a.com], ports: [{number: 1, name: x-bolt}, {number: 2, name: x-dubbo-admin}, {number: 3, name: http}]}',
  Service: '{ports: [{port: 1, name: x-bolt}, {port: 3, name: http}]}',
  Sidecar: '{outboundTrafficPolicy: {mode: ALLOW_ANY}}',
};

/** What is said of a resource with these annotations: `error: key: reason`, `used` at the end if it is used. */
function said(kind: KindName, annotations: Readonly<Record<string, string>>, options?: ReadOptions): string[] {
  const metadata = JSON.stringify({ name: 'a', namespace: 'shop', annotations });
  const { objects, findings } = readText('a.yaml', resource(kind, specs[kind]!, metadata), options);
  const prefix = /^metadata\.annotations\["rpc\.mosn\.io\/(.*)"\]$/;
  return [
    ...findings.map(({ level, path, reason }) => `${level}: ${prefix.exec(path)?.[1] ?? path}: ${reason}`),
    ...(objects.length === 1 ? ['used'] : []),
  ];
}
const ours = (name: string, value: string) => ({ [`rpc.mosn.io/${name}`]: value });

describe('of a DestinationRule', () => {
  const rule = (name: string, value: string) => said('DestinationRule', ours(name, value));

  for (const [name, value] of [
    ['carrier', 'frame'],
    ['carrier', 'http2'],
    ['carrier', 'http2, v1=frame'],
    ['carrier', ' v1 = http2 ,v2=frame'],
    ['pooling', 'bound'],
    ['pooling', 'protocol,v2=bound'],
    ['connections-per-host', '1'],
    ['connections-per-host', '4294967295'],
  ] as const) {
    test(`${name}: ${JSON.stringify(value)} is accepted`, () => assert.deepEqual(rule(name, value), ['used']));
  }

  for (const [name, value, reason] of [
    ['carrier', '', 'must be frame or http2'],
    ['carrier', 'htp2', 'must be frame or http2; did you mean http2?'],
    ['carrier', 'HTTP2', 'must be frame or http2; did you mean http2?'],
    ['carrier', 'frames, v1=http2', '"frames" must be frame or http2; did you mean frame?'],
    ['carrier', 'frame, v1=grpc', '"grpc" must be frame or http2'],
    ['carrier', 'frame, v3=http2', '"v3" is no subset of this resource'],
    ['carrier', 'frame, canery=http2', '"canery" is no subset of this resource; did you mean canary?'],
    ['carrier', 'frame, elsewhere=http2', '"elsewhere" is no subset of this resource'],
    ['carrier', 'v1=http2, frame', 'may have a value for the whole at its beginning only, then subset=VALUE'],
    ['carrier', 'frame, http2', 'has several values for the whole'],
    ['carrier', 'v1=http2, v1=frame', 'has several values for subset v1'],
    ['pooling', 'bond', 'must be protocol or bound; did you mean bound?'],
    ['connections-per-host', '0', 'must be a whole number from 1 to 4294967295'],
    ['connections-per-host', '-1', 'must be a whole number from 1 to 4294967295'],
    ['connections-per-host', '1.5', 'must be a whole number from 1 to 4294967295'],
    ['connections-per-host', '4294967296', 'must be a whole number from 1 to 4294967295'],
    ['connections-per-host', `1${'0'.repeat(1000)}`, 'must be a whole number from 1 to 4294967295'],
    ['carier', 'frame', 'is not an annotation that exists; did you mean rpc.mosn.io/carrier?'],
    [
      'timeout',
      '1s',
      'is not an annotation that exists; of rpc.mosn.io/ this kind has carrier, pooling, connections-per-host',
    ],
    ['service-level', 'light', 'belongs on a ServiceEntry or Service'],
  ] as const) {
    test(`${name}: ${JSON.stringify(value.slice(0, 40))} is refused`, () =>
      assert.deepEqual(rule(name, value), [`error: ${name}: ${reason}`]));
  }

  test('a finding has file, line, path and value', () => {
    const text = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: a
  annotations:
    rpc.mosn.io/carrier: htp2
spec: {host: a}
`;
    const [finding] = readText('config/a.yaml', text).findings;
    assert.equal(
      formatFinding(finding!),
      'config/a.yaml:6:5: error: metadata.annotations["rpc.mosn.io/carrier"]: "htp2": must be frame or http2; did you mean http2?',
    );
  });
});

describe('of a Service and a ServiceEntry', () => {
  for (const kind of ['Service', 'ServiceEntry'] as const) {
    test(`${kind}: a level for all RPC ports, and for one by name`, () => {
      assert.deepEqual(said(kind, ours('service-level', 'relay')), ['used']);
      assert.deepEqual(said(kind, ours('service-level', 'light, x-bolt=full')), ['used']);
    });

    for (const [value, reason] of [
      ['ligt', 'must be full, light or relay; did you mean light?'],
      ['x-bolt=', '"" must be full, light or relay'],
      ['light, http=relay', '"http" is no RPC port of this resource'],
      ['light, x-blt=relay', '"x-blt" is no RPC port of this resource; did you mean x-bolt?'],
    ] as const) {
      test(`${kind}: ${value} is refused`, () =>
        assert.deepEqual(said(kind, ours('service-level', value)), [`error: service-level: ${reason}`]));
    }
  }

  test('a level without a port that has one is a warning', () => {
    const findings = said('Service', ours('service-level', 'light'), { xProtocols: new Set(['dubbo']) });
    assert.equal(findings.length, 3);
    assert.equal(
      findings[1],
      'warning: service-level: has no effect: no port carries RPC (a name that begins with x-)',
    );
  });

  test('what clients decide belongs on a DestinationRule', () => {
    assert.deepEqual(said('Service', ours('carrier', 'http2')), ['error: carrier: belongs on a DestinationRule']);
  });
});

test('other kinds have none; what has another prefix is not looked at', () => {
  assert.deepEqual(said('Sidecar', ours('carrier', 'http2')), ['error: carrier: belongs on a DestinationRule']);
  assert.deepEqual(said('Sidecar', ours('speed', 'fast')), [
    'error: speed: is not an annotation that exists; of rpc.mosn.io/ this kind has none',
  ]);
  assert.deepEqual(said('Sidecar', { 'mosn.io/carrier': 'x', 'example.com/rpc.mosn.io': 'x', 'rpc.mosn.io': 'x' }), [
    'used',
  ]);
});

test('values are read by part', () => {
  const { whole, parts } = readScoped(carrier, ours('carrier', 'http2, v1=frame'));
  assert.deepEqual([whole, [...parts]], ['http2', [['v1', 'frame']]]);
  assert.equal(readScoped(connectionsPerHost, ours('connections-per-host', '4')).whole, 4);
  assert.deepEqual(readScoped(carrier, {}), { whole: undefined, parts: new Map() });
});

test('the level of a port: its own, else that of all RPC ports', () => {
  const annotations = ours('service-level', 'light, x-dubbo=relay');
  const bolt = { protocol: 'X', xProtocol: 'bolt' } as const;
  assert.deepEqual(annotatedPort(annotations, { name: 'x-bolt', resolved: bolt }), { serviceLevel: 'light' });
  assert.deepEqual(annotatedPort(annotations, { name: 'x-dubbo', resolved: bolt }), { serviceLevel: 'relay' });
  assert.deepEqual(annotatedPort(annotations, { name: 'http', resolved: { protocol: 'HTTP' } }), {});
  assert.deepEqual(annotatedPort({}, { name: 'x-bolt', resolved: bolt }), {});
});

test('whatever text stands there: a finding or a value, never both, and quickly', () => {
  const word = fc.constantFrom('frame', 'http2', 'v1', 'v2', '=', ',', ' ', '"', '\n', '__proto__', 'constructor');
  const text = fc.oneof(
    fc.string(),
    fc.array(word).map((words) => words.join('')),
  );
  fc.assert(
    fc.property(text, (value) => {
      const findings = said('DestinationRule', ours('carrier', value));
      const { whole, parts } = readScoped(carrier, ours('carrier', value));
      if (findings.at(-1) !== 'used') return;
      assert.deepEqual(findings, ['used']);
      assert.ok(whole !== undefined || parts.size > 0);
      for (const one of [whole, ...parts.values()]) assert.ok(one === undefined || carrier.words.includes(one));
      for (const part of parts.keys()) assert.ok(['v1', 'v2', 'canary'].includes(part));
    }),
  );
});
