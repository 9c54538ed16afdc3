import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remarksOn, specOf } from '../../test-support/read-one.ts';

const remarks = (spec: string) => remarksOn('ServiceEntry', spec, { xProtocols: new Set(['bolt', 'dubbo']) });
const PORTS = 'ports: [{number: 80, name: http}]';

describe('ServiceEntry', () => {
  test('what is absent has its default', () => {
    assert.deepEqual(specOf('ServiceEntry', `{hosts: [a.com, com.example.My_Service], ${PORTS}}`), {
      hosts: ['a.com', 'com.example.My_Service'],
      addresses: [],
      ports: [{ number: 80, name: 'http', protocol: '', targetPort: 80 }],
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
      endpoints: [],
      exportTo: [],
      subjectAltNames: [],
    });
    const [endpoint] = specOf(
      'ServiceEntry',
      `{hosts: [a.com], ${PORTS}, resolution: STATIC, endpoints: [{address: ::1, weight: 0}]}`,
    ).endpoints;
    assert.deepEqual(endpoint, {
      address: '::1',
      ports: {},
      labels: {},
      network: '',
      locality: '',
      weight: 1,
      serviceAccount: '',
    });
  });

  test('a service may be for nobody', () => {
    assert.deepEqual(specOf('ServiceEntry', `{hosts: [a.com], ${PORTS}, exportTo: ['~']}`).exportTo, ['~']);
  });

  for (const [spec, remark] of [
    [`{hosts: [a.com]}`, 'warning: spec: has no ports, so nobody can call it'],
    [
      `{hosts: [a.com], ${PORTS}, resolution: STATIC}`,
      'warning: spec.resolution: is STATIC, but there are neither endpoints nor a workloadSelector, so every call fails',
    ],
    [
      `{hosts: [a.com], ${PORTS}, workloadSelector: {labels: {a: b}}}`,
      'warning: spec.workloadSelector: does nothing if resolution is NONE, which is the default; is STATIC meant?',
    ],
    [
      `{hosts: [a.com], ${PORTS}, resolution: STATIC, workloadSelector: {}}`,
      'warning: spec.workloadSelector: has no labels, so it selects every workload of the namespace',
    ],
    [
      `{hosts: ['*.a.com'], ${PORTS}, resolution: DYNAMIC_DNS}`,
      'warning: spec.resolution: has no effect yet: DYNAMIC_DNS is taken for NONE',
    ],
    [
      '{hosts: [a.com], ports: [{number: 80, name: x-thrift-user, protocol: TCP}]}',
      'warning: spec.ports[0].name: names the RPC protocol thrift, which is not known here; the port is taken for TCP',
    ],
    [`{hosts: [a.com], ${PORTS}, subjectAltNames: [b]}`, 'warning: spec.subjectAltNames: has no effect yet'],
    [PORTS.replace(/^/, '{').concat('}'), 'error: spec.hosts: is required'],
    [`{hosts: [], ${PORTS}}`, 'error: spec.hosts: must have at least 1 entry'],
    [`{hosts: ['*'], ${PORTS}}`, 'error: spec.hosts[0]: must name a host; * names all of them'],
    [`{hosts: [a.com, a.com], ${PORTS}}`, 'error: spec.hosts[1]: repeats an earlier host'],
    [
      `{hosts: [a.com], ${PORTS}, addresses: [10.0.0.0/33]}`,
      'error: spec.addresses[0]: must be an IP address or a range such as 10.0.0.0/8',
    ],
    ['{hosts: [a.com], ports: [{number: 0, name: http}]}', 'error: spec.ports[0].number: must be >= 1'],
    ['{hosts: [a.com], ports: [{number: 80}]}', 'error: spec.ports[0].name: is required'],
    [
      '{hosts: [a.com], ports: [{number: 80, name: a}, {number: 81, name: a}]}',
      'error: spec.ports[1]: repeats an earlier name',
    ],
    [
      '{hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTPP}]}',
      'error: spec.ports[0].protocol: must be one of HTTP, HTTP2, GRPC, GRPC-Web, HTTP_PROXY, HTTPS, TLS, TCP, UDP, Mongo, Redis, MySQL or X-PROTOCOL',
    ],
    [
      `{hosts: [a.com], ${PORTS}, endpoints: [{address: 10.0.0.1}]}`,
      'error: spec.endpoints: must be empty if resolution is NONE, which is the default',
    ],
    [
      `{hosts: [a.com], ${PORTS}, resolution: STATIC, endpoints: [{address: b.com}]}`,
      'error: spec.endpoints[0].address: must be an IP address or unix:///path if resolution is STATIC',
    ],
    [
      `{hosts: [a.com], ${PORTS}, resolution: STATIC, endpoints: [{}]}`,
      'error: spec.endpoints[0].address: is required',
    ],
    [
      `{hosts: [a.com], ${PORTS}, resolution: STATIC, endpoints: [{address: 10.0.0.1, ports: {htp: 81}}]}`,
      'error: spec.endpoints[0].ports.htp: is not the name of a port of this service entry',
    ],
    [
      `{hosts: [a.com], ${PORTS}, resolution: STATIC, endpoints: [{address: unix:///s, ports: {http: 81}}]}`,
      'error: spec.endpoints[0].ports: must be empty: a socket in the file system has no ports',
    ],
    [
      `{hosts: [a.com], ${PORTS}, resolution: STATIC, endpoints: [{address: 10.0.0.1}], workloadSelector: {labels: {a: b}}}`,
      'error: spec.workloadSelector: must not stand beside endpoints',
    ],
    [
      `{hosts: ['*.a.com'], ${PORTS}, resolution: DNS}`,
      'error: spec.hosts[0]: must be a full host name, for there are no endpoints to resolve',
    ],
    [
      `{hosts: [a.com], ${PORTS}, resolution: DNS_ROUND_ROBIN, endpoints: [{address: b.com}, {address: c.com}]}`,
      'error: spec.endpoints: may have one entry only if resolution is DNS_ROUND_ROBIN',
    ],
  ] as const) {
    test(`said of ${spec}`, () => {
      assert.deepEqual(remarks(spec), [remark]);
    });
  }
});
