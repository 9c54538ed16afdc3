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

/** Fields of a message of Protocol Buffers: numbers of 64 bits, or bytes. */
function fieldsOf(message: Buffer): [field: number, value: bigint | Buffer][] {
  const fields: [number, bigint | Buffer][] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const head = Number(varint());
    let value: bigint | Buffer;
    if ((head & 7) === 0) value = varint();
    else {
      const length = (head & 7) === 1 ? 8 : Number(varint());
      value = message.subarray(at, (at += length));
      assert.equal(value.length, length);
    }
    fields.push([head >> 3, value]);
  }
  return fields;
}

function inside(message: bigint | Buffer, ...path: readonly number[]): (bigint | Buffer)[] {
  const [first, ...rest] = path;
  if (first === undefined) return [message];
  return fieldsOf(message as Buffer).flatMap(([field, value]) => (field === first ? inside(value, ...rest) : []));
}

describe('OTLP over gRPC', () => {
  const encodedIn = (...spans: SpanRecord[]) => spanFormat('opentelemetry-grpc', 'front').encode(spans);

  test('is a message of gRPC with a resource and its spans', () => {
    const bytes = encodedIn(span, { ...span, name: 'other' });
    assert.deepEqual([bytes[0], bytes.readUInt32BE(1)], [0, bytes.length - 5]);
    const message = bytes.subarray(5);
    assert.deepEqual(inside(message, 1, 1, 1, 1).map(String), ['service.name']);
    assert.deepEqual(inside(message, 1, 1, 1, 2, 1).map(String), ['front']);
    assert.deepEqual(inside(message, 1, 2, 1, 1).map(String), ['mosn']);
    assert.deepEqual(inside(message, 1, 2, 2, 5).map(String), ['shop.Users/get', 'other']);
  });

  test('a span', () => {
    const failed: SpanRecord = { ...span, failed: true, kind: 'client', tags: [...span.tags, ['left', -1]] };
    const [only] = inside(encodedIn(failed).subarray(5), 1, 2, 2) as [Buffer];
    const hex = (field: number) => inside(only, field).map((value) => (value as Buffer).toString('hex'));
    assert.deepEqual([hex(1), hex(2), hex(4)], [[span.traceId], [span.spanId], [span.parentId]]);
    assert.deepEqual(inside(only, 6), [3n]);
    const times = [7, 8].map((field) => (inside(only, field)[0] as Buffer).readBigUInt64LE());
    assert.deepEqual(times, [BigInt(wallMs) * 1_000_000n + 250_000n, BigInt(wallMs) * 1_000_000n + 12_750_000n]);
    assert.deepEqual(inside(only, 15, 3), [2n]);
    assert.deepEqual(inside(only, 9, 2, 1).map(String), ['proxy']);
    assert.deepEqual(inside(only, 9, 2, 2), [1n]);
    assert.deepEqual(inside(only, 9, 2, 3), [200n, 2n ** 64n - 1n]);
    assert.equal((inside(only, 9, 2, 4)[0] as Buffer).readDoubleLE(), 0.5);
  });

  test('a root that did not fail, of a short trace', () => {
    const root: SpanRecord = { ...span, traceId: '48485a3953bb6124', parentId: undefined };
    const [only] = inside(encodedIn(root).subarray(5), 1, 2, 2) as [Buffer];
    assert.equal((inside(only, 1)[0] as Buffer).toString('hex'), '000000000000000048485a3953bb6124');
    assert.deepEqual([inside(only, 4), inside(only, 6), inside(only, 15)], [[], [2n], []]);
  });
});
