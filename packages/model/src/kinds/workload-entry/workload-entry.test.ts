import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remarksOn, specOf } from '../../test-support/read-one.ts';

describe('WorkloadEntry', () => {
  test('labels of the object count too, and win', () => {
    const spec =
      '{address: 10.0.0.1, labels: {app: a, version: v1}, ports: {http: 8080}, serviceAccount: s, locality: r/z}';
    assert.deepEqual(specOf('WorkloadEntry', spec, '{name: a, labels: {version: v2, zone: x}}'), {
      address: '10.0.0.1',
      ports: { http: 8080 },
      labels: { app: 'a', version: 'v2', zone: 'x' },
      network: '',
      locality: 'r/z',
      weight: 1,
      serviceAccount: 's',
    });
  });

  for (const [spec, remark] of [
    ['{}', 'error: spec.address: is required'],
    ['{network: other}', 'warning: spec.network: has no effect yet'],
    ['{address: 10.0.0}', 'error: spec.address: must be an IP address, a host name or unix:///path'],
    ['{address: unix://relative}', 'error: spec.address: must be unix:// with an absolute path to a socket'],
    ['{address: 10.0.0.1, ports: {http: 65536}}', 'error: spec.ports.http: must be <= 65535'],
    [
      '{address: 10.0.0.1, labels: {"-": a}}',
      'error: spec.labels["-"]: must be a label key: [DOMAIN/]NAME, the name up to 63 letters, digits, -, _ and .',
    ],
    ['{address: 10.0.0.1, weight: -1}', 'error: spec.weight: must be >= 0'],
    ['{adress: 10.0.0.1}', 'error: spec.adress: is not a field that exists here; did you mean address?'],
  ] as const) {
    test(`said of ${spec}`, () => {
      assert.deepEqual(remarksOn('WorkloadEntry', spec), [remark]);
    });
  }
});
