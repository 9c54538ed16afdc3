import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remarksOn, specOf } from '../../test-support/read-one.ts';

describe('Sidecar', () => {
  test('what is absent has its default', () => {
    assert.deepEqual(
      specOf(
        'Sidecar',
        '{workloadSelector: {labels: {a: b}}, ingress: [{port: {number: 80}}], egress: [{hosts: [./*]}], outboundTrafficPolicy: {}}',
      ),
      {
        workloadSelector: { labels: { a: 'b' } },
        ingress: [
          { port: { number: 80, name: '', protocol: '' }, bind: '', captureMode: 'DEFAULT', defaultEndpoint: '' },
        ],
        egress: [{ bind: '', captureMode: 'DEFAULT', hosts: ['./*'] }],
        outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      },
    );
  });

  for (const endpoint of ['127.0.0.1:80', '0.0.0.0:19080', '"[::1]:80"', '"[::]:80"', 'unix:///a/b', ':80']) {
    test(`an application may listen on ${endpoint}`, () => {
      specOf('Sidecar', `{ingress: [{port: {number: 80, name: x-bolt, protocol: TCP}, defaultEndpoint: ${endpoint}}]}`);
    });
  }

  for (const host of [
    './*',
    '*/*',
    '~/*',
    'shop/reviews.shop.svc.cluster.local',
    'shop/*.example.com',
    '*/com.example.My_Service',
  ]) {
    test(`egress may name ${host}`, () => {
      specOf('Sidecar', `{egress: [{hosts: ['${host}']}]}`);
    });
  }

  for (const [spec, remark] of [
    ['{}', 'error: spec: must have ingress, egress or outboundTrafficPolicy'],
    ['{ingress: [{}]}', 'error: spec.ingress[0].port: is required'],
    [
      '{ingress: [{port: {number: 80}, defaultEndpoint: 10.0.0.1:80}]}',
      'error: spec.ingress[0].defaultEndpoint: must be 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///path',
    ],
    ['{ingress: [{port: {number: 80}, bind: localhost}]}', 'error: spec.ingress[0].bind: must be an IP address'],
    ['{ingress: [{port: {number: 80}}, {port: {number: 80}}]}', 'error: spec.ingress[1]: repeats an earlier port'],
    ['{ingress: [{port: {number: 80}, tls: {mode: SIMPLE}}]}', 'warning: spec.ingress[0].tls: has no effect yet'],
    [
      '{ingress: [{port: {number: 80, name: x-tars}}]}',
      'warning: spec.ingress[0].port.name: names the RPC protocol tars, which is not known here; the port is taken for TCP',
    ],
    ['{egress: [{}]}', 'error: spec.egress[0].hosts: is required'],
    [
      '{egress: [{hosts: [reviews]}]}',
      'error: spec.egress[0].hosts[0]: must be NAMESPACE/HOST, for example ./* or */reviews.shop.svc.cluster.local',
    ],
    [
      '{egress: [{hosts: [./*]}, {hosts: [a/*]}]}',
      'error: spec.egress[0]: has no port and so stands for all of them; it must be the last entry',
    ],
    ['{egress: [{hosts: [./*], bind: 127.0.0.1}]}', 'error: spec.egress[0].bind: needs a port beside it'],
    [
      '{outboundTrafficPolicy: {mode: ALLOW_NONE}}',
      'error: spec.outboundTrafficPolicy.mode: must be one of REGISTRY_ONLY, ALLOW_ANY',
    ],
  ] as const) {
    test(`said of ${spec}`, () => {
      assert.deepEqual(remarksOn('Sidecar', spec, { xProtocols: new Set(['bolt']) }), [remark]);
    });
  }
});
