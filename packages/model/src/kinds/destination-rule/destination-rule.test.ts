import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remarksOn, specOf } from '../../test-support/read-one.ts';

const remarks = (spec: string) => remarksOn('DestinationRule', spec);

describe('DestinationRule', () => {
  test('what is absent has its default', () => {
    assert.deepEqual(specOf('DestinationRule', '{host: reviews}'), { host: 'reviews', subsets: [], exportTo: [] });
    const policy = '{loadBalancer: {}, connectionPool: {http: {}}, tls: {}}';
    assert.deepEqual(
      specOf('DestinationRule', `{host: '*.local', trafficPolicy: ${policy}, workloadSelector: {labels: {a: b}}}`),
      {
        host: '*.local',
        subsets: [],
        exportTo: [],
        workloadSelector: { labels: { a: 'b' } },
        trafficPolicy: {
          loadBalancer: { simple: 'UNSPECIFIED' },
          connectionPool: { http: { h2UpgradePolicy: 'DEFAULT', useClientProtocol: false } },
          tls: { mode: 'DISABLE', subjectAltNames: [], insecureSkipVerify: false },
          portLevelSettings: [],
        },
      },
    );
  });

  test('a whole policy, of subsets and ports too', () => {
    const spec = specOf(
      'DestinationRule',
      `{host: a.shop, trafficPolicy: {
        connectionPool: {tcp: {maxConnections: 3, connectTimeout: 1s, tcpKeepalive: {time: 7200s}}, http: {http2MaxRequests: 9}},
        portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]},
        subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}, {name: all}]}`,
    );
    assert.deepEqual(spec.trafficPolicy?.connectionPool?.tcp, {
      maxConnections: 3,
      connectTimeout: '1s',
      tcpKeepalive: { time: '7200s' },
    });
    assert.deepEqual(spec.trafficPolicy?.portLevelSettings, [
      { loadBalancer: { simple: 'RANDOM' }, port: { number: 80 } },
    ]);
    assert.equal(spec.subsets[0]?.trafficPolicy?.loadBalancer?.simple, 'ROUND_ROBIN');
    assert.deepEqual(spec.subsets[1], { name: 'all', labels: {} });
  });

  test('an old word is turned into the new one, with a warning', () => {
    assert.deepEqual(remarks('{host: a, trafficPolicy: {loadBalancer: {simple: LEAST_CONN}}}'), [
      'warning: spec.trafficPolicy.loadBalancer.simple: is an old word; write LEAST_REQUEST',
    ]);
  });

  test('what does nothing yet is said, wherever a policy may stand', () => {
    const policy =
      '{outlierDetection: {interval: 1s}, portLevelSettings: [{port: {number: 1}, loadBalancer: {consistentHash: {useSourceIp: true}}}]}';
    assert.deepEqual(remarks(`{host: a, subsets: [{name: v1, trafficPolicy: ${policy}}]}`), [
      'warning: spec.subsets[0].trafficPolicy.outlierDetection: has no effect yet',
      'warning: spec.subsets[0].trafficPolicy.portLevelSettings[0].loadBalancer.consistentHash: has no effect yet',
    ]);
  });

  for (const [spec, remark] of [
    ['{}', 'spec.host: is required'],
    ['{host: a b}', 'spec.host: must be a host name; its part "a b" is no DNS label'],
    ['{host: a, subsetz: []}', 'spec.subsetz: is not a field that exists here; did you mean subsets?'],
    ['{host: a, subsets: [{name: v1}, {name: v1}]}', 'spec.subsets[1]: repeats an earlier name'],
    ['{host: a, subsets: [{labels: {}}]}', 'spec.subsets[0].name: is required'],
    [
      '{host: a, subsets: [{name: v1, labels: {version: 1}}]}',
      'spec.subsets[0].labels.version: must be a text, not a number; put it in quotes',
    ],
    ['{host: a, trafficPolicy: {}}', 'spec.trafficPolicy: must say something; it is empty'],
    ['{host: a, trafficPolicy: {connectionPool: {}}}', 'spec.trafficPolicy.connectionPool: must have tcp or http'],
    [
      '{host: a, trafficPolicy: {connectionPool: {tcp: {connectTimeout: soon}}}}',
      'spec.trafficPolicy.connectionPool.tcp.connectTimeout: must be a duration such as 1s, 300ms or 1h30m',
    ],
    [
      '{host: a, trafficPolicy: {connectionPool: {tcp: {maxConnections: -1}}}}',
      'spec.trafficPolicy.connectionPool.tcp.maxConnections: must be >= 0',
    ],
    [
      '{host: a, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}}}',
      'spec.trafficPolicy.connectionPool.http.useClientProtocol: contradicts h2UpgradePolicy, which is UPGRADE',
    ],
    [
      '{host: a, trafficPolicy: {loadBalancer: {simple: FASTEST}}}',
      'spec.trafficPolicy.loadBalancer.simple: must be one of UNSPECIFIED, LEAST_REQUEST, ROUND_ROBIN, RANDOM, PASSTHROUGH, LEAST_CONN',
    ],
    [
      '{host: a, trafficPolicy: {loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}}}',
      'spec.trafficPolicy.loadBalancer: may have only one of simple, consistentHash; it has simple and consistentHash',
    ],
    [
      '{host: a, trafficPolicy: {portLevelSettings: [{port: {number: 80}}]}}',
      'spec.trafficPolicy.portLevelSettings[0]: must say something beside its port',
    ],
    [
      '{host: a, trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: /c}}}',
      'spec.trafficPolicy.tls.privateKey: is required with MUTUAL',
    ],
    [
      '{host: a, trafficPolicy: {tls: {mode: ISTIO_MUTUAL, caCertificates: /c}}}',
      'spec.trafficPolicy.tls.caCertificates: must be empty: with ISTIO_MUTUAL the mesh gives the certificates',
    ],
    [
      '{host: a, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [x]}}}',
      'spec.trafficPolicy.tls.subjectAltNames: contradicts insecureSkipVerify',
    ],
    ["{host: a, exportTo: ['~']}", 'spec.exportTo[0]: may be ~ in a ServiceEntry only'],
    ["{host: a, exportTo: ['*', b]}", 'spec.exportTo[0]: must stand alone: * already says everything'],
  ] as const) {
    test(`refused: ${spec}`, () => {
      assert.deepEqual(remarks(spec), [`error: ${remark}`]);
    });
  }
});
