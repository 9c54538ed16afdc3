import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { SpanRecord } from '@sofamesh/contract/trace';
import { spanFormat } from './span-format.ts';

const wallMs = Date.UTC(2026, 10, 24, 15, 48, 2, 7);

const span: SpanRecord = {
  traceId: '463ac35c9f6413ad48485a3953bb6124',
  spanId: 'a2fb4a1d1a96d312',
  parentId: '0020000000000001',
  shared: false,
  kind: 'server',
  name: 'shop.Users/get',
  startWallMs: wallMs + 0.25,
  durationMs: 12.5,
  failed: false,
  tags: [
    ['component', 'proxy'],
    ['http.status_code', 200],
    ['sampled.rate', 0.5],
    ['rpc.one_way', true],
  ],
  local: ipAddress('10.0.0.2', 15001),
};

function encoded(name: 'zipkin' | 'opentelemetry', more: Partial<SpanRecord> = {}) {
  return JSON.parse(
    spanFormat(name, 'front')
      .encode([{ ...span, ...more }])
      .toString(),
  );
}

describe("Zipkin's format", () => {
  test('a span', () => {
    assert.deepEqual(encoded('zipkin'), [
      {
        traceId: '463ac35c9f6413ad48485a3953bb6124',
        id: 'a2fb4a1d1a96d312',
        parentId: '0020000000000001',
        kind: 'SERVER',
        name: 'shop.Users/get',
        timestamp: wallMs * 1000 + 250,
        duration: 12_500,
        localEndpoint: { serviceName: 'front', ipv4: '10.0.0.2', port: 15001 },
        tags: { component: 'proxy', 'http.status_code': '200', 'sampled.rate': '0.5', 'rpc.one_way': 'true' },
      },
    ]);
  });

  test('a root, a shared id, a client, a failure, an address of IPv6, nothing that took time', () => {
    const [root] = encoded('zipkin', {
      parentId: undefined,
      shared: true,
      kind: 'client',
      failed: true,
      local: ipAddress('::1', 1),
      durationMs: 0,
    });
    assert.equal('parentId' in root, false);
    assert.equal(root.shared, true);
    assert.equal(root.kind, 'CLIENT');
    assert.equal(root.tags.error, 'true');
    assert.deepEqual(root.localEndpoint, { serviceName: 'front', ipv6: '::1', port: 1 });
    assert.equal(root.duration, 1);
    assert.deepEqual(encoded('zipkin', { local: { kind: 'pipe', path: '/x' } })[0].localEndpoint, {
      serviceName: 'front',
    });
  });
});

describe('the format of OpenTelemetry', () => {
  test('a span', () => {
    assert.deepEqual(encoded('opentelemetry'), {
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'front' } }] },
          scopeSpans: [
            {
              scope: { name: 'mosn' },
              spans: [
                {
                  traceId: '463ac35c9f6413ad48485a3953bb6124',
                  spanId: 'a2fb4a1d1a96d312',
                  parentSpanId: '0020000000000001',
                  name: 'shop.Users/get',
                  kind: 2,
                  startTimeUnixNano: `${wallMs}250000`,
                  endTimeUnixNano: `${wallMs + 12}750000`,
                  attributes: [
                    { key: 'component', value: { stringValue: 'proxy' } },
                    { key: 'http.status_code', value: { intValue: '200' } },
                    { key: 'sampled.rate', value: { doubleValue: 0.5 } },
                    { key: 'rpc.one_way', value: { boolValue: true } },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test('a short trace id is filled up, a failure is a status', () => {
    const more = { traceId: '48485a3953bb6124', parentId: undefined, failed: true, kind: 'client' } as const;
    const [only] = encoded('opentelemetry', more).resourceSpans[0].scopeSpans[0].spans;
    assert.equal(only.traceId, '000000000000000048485a3953bb6124');
    assert.equal('parentSpanId' in only, false);
    assert.deepEqual(only.status, { code: 2 });
    assert.equal(only.kind, 3);
  });
});

test('text of a peer stays text', () => {
  const nasty = '"\\\u0000\ud800]}\n';
  const [inZipkin] = encoded('zipkin', { name: nasty, tags: [['x', nasty]] });
  assert.deepEqual([inZipkin.name, inZipkin.tags], [nasty, { x: nasty }]);
  const [inOtlp] = encoded('opentelemetry', { name: nasty }).resourceSpans[0].scopeSpans[0].spans;
  assert.equal(inOtlp.name, nasty);
});
