import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toJson } from '@bufbuild/protobuf';
import { NodeSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { extensions } from '../config/test-support/readers.ts';
import { describeNode } from './node.ts';

test('the node says what this program is and can do, and keeps what the bootstrap says', () => {
  const id = 'sidecar~1.2.3.4~a.shop~shop.svc.cluster.local';
  const given = create(NodeSchema, { id, cluster: 'c', metadata: { NAMESPACE: 'shop' } });
  const node = describeNode(given, extensions, '1.2.3');
  assert.equal(node.id, id);
  assert.equal(node.cluster, 'c');
  assert.deepEqual(node.metadata, { NAMESPACE: 'shop' });
  assert.equal(node.userAgentName, 'mosn');
  assert.deepEqual(toJson(NodeSchema, node, { useProtoFieldName: true }), {
    ...(toJson(NodeSchema, node, { useProtoFieldName: true }) as object),
    user_agent_build_version: { version: { major_number: 1, minor_number: 2, patch: 3 } },
  });
  const declared = node.extensions.map(({ category, name, typeUrls }) => `${category} ${name} ${typeUrls.join()}`);
  assert.ok(
    declared.includes(
      'envoy.filters.network mosn.filters.network.x_proxy type.googleapis.com/mosn.extensions.filters.network.x_proxy.v1.XProxy',
    ),
  );
  assert.ok(
    declared.includes(
      'envoy.filters.http envoy.filters.http.router type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
    ),
  );
  assert.ok(
    declared.includes(
      'envoy.upstream_options mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions type.googleapis.com/mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions',
    ),
  );
  assert.ok(declared.some((line) => line.includes('HttpConnectionManager')));
});
