import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remarksOn, specOf } from '../../test-support/read-one.ts';

describe('Service of Kubernetes', () => {
  test('what is absent has its default', () => {
    assert.deepEqual(
      specOf(
        'Service',
        '{ports: [{port: 80}, {port: 81, name: b, targetPort: web}], selector:}'.replace('}, {', ', name: a}, {'),
      ),
      {
        type: 'ClusterIP',
        clusterIP: '',
        clusterIPs: [],
        ports: [
          { name: 'a', port: 80, protocol: 'TCP', targetPort: 80 },
          { name: 'b', port: 81, protocol: 'TCP', targetPort: 'web' },
        ],
        selector: {},
        externalName: '',
      },
    );
    assert.deepEqual(specOf('Service', '{clusterIP: None}').clusterIPs, []);
    assert.deepEqual(specOf('Service', '{clusterIP: 10.0.0.1, ports: [{port: 1}]}').clusterIPs, ['10.0.0.1']);
  });

  test('what a cluster adds is accepted in silence', () => {
    specOf(
      'Service',
      '{ports: [{port: 80, nodePort: 30080}], sessionAffinity: None, ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, internalTrafficPolicy: Cluster}',
    );
  });

  for (const [spec, remark] of [
    ['{}', 'error: spec.ports: must have at least 1 entry'],
    ['{type: ExternalName}', 'error: spec.externalName: is required with type ExternalName'],
    [
      '{type: ExternalName, externalName: a_b}',
      'error: spec.externalName: must be a host name; its part "a_b" is no DNS label',
    ],
    ['{clusterIP: 10.0.0, ports: [{port: 1}]}', 'error: spec.clusterIP: must be an IP address or None'],
    [
      '{ports: [{port: 80}, {port: 81, name: b}]}',
      'error: spec.ports[0].name: is required where there are several ports',
    ],
    ['{ports: [{port: 80, name: a}, {port: 80, name: b}]}', 'error: spec.ports[1]: repeats an earlier port'],
    [
      '{ports: [{port: 80, appProtocol: x-foo}]}',
      'warning: spec.ports[0].appProtocol: names the RPC protocol foo, which is not known here; the port is taken for TCP',
    ],
    ['{ports: [{port: 80}], sessionAffinity: ClientIP}', 'warning: spec.sessionAffinity: has no effect yet'],
  ] as const) {
    test(`said of ${spec}`, () => {
      assert.deepEqual(remarksOn('Service', spec, { xProtocols: new Set() }), [remark]);
    });
  }
});
