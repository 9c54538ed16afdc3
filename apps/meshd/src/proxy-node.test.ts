import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import { NodeSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { proxyNodeOf } from './proxy-node.ts';

const id = 'sidecar~10.0.0.1~web-0.shop~shop.svc.cluster.local';
const read = (node: MessageInitShape<typeof NodeSchema>) => proxyNodeOf(create(NodeSchema, { id, ...node }));
const withMetadata = (metadata: JsonObject) => read({ metadata });

describe('the node of a proxy', () => {
  test('is read as Istio writes it', () => {
    const node = read({
      userAgentName: 'envoy',
      userAgentVersionType: {
        case: 'userAgentBuildVersion',
        value: { version: { majorNumber: 1, minorNumber: 40, patch: 2 } },
      },
      metadata: {
        NAMESPACE: 'elsewhere',
        LABELS: { app: 'web', odd: 7 },
        INTERCEPTION_MODE: 'NONE',
        INSTANCE_IPS: '10.0.0.1,10.0.0.2,x',
      },
      extensions: [{ name: 'a', typeUrls: ['envoy.a.v3.A', 'type.googleapis.com/mosn.B'] }],
    });
    assert.deepEqual(node, {
      id,
      type: 'sidecar',
      address: '10.0.0.1',
      addresses: ['10.0.0.1', '10.0.0.2'],
      name: 'web-0',
      namespace: 'elsewhere',
      labels: { app: 'web' },
      interceptionMode: 'NONE',
      userAgent: 'envoy 1.40.2',
      typeUrls: new Set(['type.googleapis.com/envoy.a.v3.A', 'type.googleapis.com/mosn.B']),
    });
  });

  test('has defaults for what it does not say', () => {
    const node = read({});
    assert.equal(node.namespace, 'shop');
    assert.equal(node.interceptionMode, 'REDIRECT');
    assert.equal(node.typeUrls.size, 0);
  });

  test('may hold anything in its metadata', () => {
    for (const metadata of [
      { LABELS: [1] },
      { LABELS: null },
      { NAMESPACE: 7, INSTANCE_IPS: {} },
      { INTERCEPTION_MODE: 'X' },
    ]) {
      const node = withMetadata(metadata);
      assert.deepEqual([node.namespace, node.labels, node.interceptionMode], ['shop', {}, 'REDIRECT']);
    }
  });

  const wrong: readonly (readonly [id: string, reason: RegExp])[] = [
    ['', /must be TYPE~IP~NAME\.NAMESPACE~DOMAIN/],
    ['web', /must be TYPE~IP/],
    ['pilot~10.0.0.1~a.b~c', /type must be one of sidecar, router/],
    ['sidecar~nowhere~a.b~c', /"nowhere" is not an IP address/],
    ['sidecar~10.0.0.1~a.b~c~d', /must be TYPE~IP/],
    [`sidecar~${'x'.repeat(5000)}~a.b~c`, /^.{1,6000}$/],
  ];
  for (const [bad, reason] of wrong) {
    test(`is refused: ${bad.slice(0, 40)}`, () => assert.throws(() => read({ id: bad }), reason));
  }
});
