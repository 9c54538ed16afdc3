import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '@sofamesh/base/random';
import type { RequestHead } from '@sofamesh/contract/message';
import { LineHeaders } from '@sofamesh/testkit/line-message';
import fc from 'fast-check';
import { readB3Single } from './b3.ts';
import { readIncoming } from './incoming.ts';
import { Sampling } from './sampling.ts';
import { tracingConfig } from './test-support/traced-world.ts';
import { Trace } from './trace.ts';
import { Form } from './trace-context.ts';
import { newId } from './trace-ids.ts';
import { readTraceparent } from './w3c.ts';

const trace = '463ac35c9f6413ad48485a3953bb6124';
const span = 'a2fb4a1d1a96d312';

const head = (headers: Record<string, string>) => new LineHeaders(Object.entries(headers)) as unknown as RequestHead;
const context = (headers: Record<string, string>, preferred: number = Form.b3) =>
  readIncoming(head(headers), preferred, false)?.context;

describe('traceparent', () => {
  test('of this version and of later ones', () => {
    const read = { traceId: trace, spanId: span, parentId: undefined, sampled: true, debug: false };
    assert.deepEqual(readTraceparent(`00-${trace}-${span}-01`), read);
    assert.deepEqual(readTraceparent(`cc-${trace}-${span}-03-what-may-come`), read);
    assert.deepEqual(readTraceparent(`00-${trace}-${span}-02`), { ...read, sampled: false });
  });

  for (const text of [
    '',
    `ff-${trace}-${span}-01`,
    `00-${trace}-${span}-01-x`,
    `00-${trace}-${span}-01,00-${trace}-${span}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.slice(1)}-${span}-01`,
    `00-${trace}-${span}-1`,
    `cc-${trace}-${span}-01x`,
    `00-${trace}-${span}-01\n`,
  ]) {
    test(`is none: ${JSON.stringify(text)}`, () => assert.equal(readTraceparent(text), undefined));
  }
});

describe('B3', () => {
  test('in several headers, ids of either length and case', () => {
    const ids = { 'x-b3-traceid': trace.slice(16).toUpperCase(), 'x-b3-spanid': span };
    assert.deepEqual(context(ids), {
      traceId: trace.slice(16),
      spanId: span,
      parentId: undefined,
      sampled: undefined,
      debug: false,
    });
    for (const [value, sampled] of [
      ['1', true],
      ['true', true],
      ['0', false],
      ['false', false],
    ] as const) {
      assert.equal(context({ ...ids, 'x-b3-sampled': value })?.sampled, sampled);
    }
    assert.deepEqual(context({ ...ids, 'x-b3-flags': '1' })?.debug, true);
  });

  for (const headers of [
    { 'x-b3-traceid': trace },
    { 'x-b3-traceid': trace, 'x-b3-spanid': '0000000000000000' },
    { 'x-b3-traceid': `${trace}0`, 'x-b3-spanid': span },
    { 'x-b3-traceid': trace, 'x-b3-spanid': span, 'x-b3-sampled': '__proto__' },
    { b3: 'x' },
    { b3: `${trace}-${span}-1-${span}-1` },
    { b3: `${trace}-${span}-2` },
    { b3: `${trace}-` },
  ]) {
    test(`is none: ${JSON.stringify(headers)}`, () => assert.equal(context(headers as never), undefined));
  }

  test('in one header', () => {
    const parent = '0020000000000001';
    const read = { traceId: trace, spanId: span, parentId: undefined, sampled: true, debug: false };
    assert.deepEqual(readB3Single(`${trace}-${span}-1`), read);
    assert.deepEqual(readB3Single(`${trace}-${span}-d-${parent}`), { ...read, parentId: parent, debug: true });
    assert.deepEqual(readB3Single(`${trace}-${span}`), { ...read, sampled: undefined });
    assert.deepEqual(readB3Single('0'), { ...read, traceId: '', spanId: '', sampled: false });
  });
});

test('of several contexts the preferred one counts, if it names a trace', () => {
  const other = `${'1'.repeat(32)}`;
  const both = { traceparent: `00-${other}-${span}-01`, 'x-b3-traceid': trace, 'x-b3-spanid': span };
  assert.equal(context(both, Form.b3)?.traceId, trace);
  assert.equal(context(both, Form.w3c)?.traceId, other);
  assert.equal(context({ traceparent: both.traceparent, b3: '0' }, Form.b3)?.traceId, other);
  assert.equal(context({ traceparent: 'x', b3: '0' }, Form.w3c)?.sampled, false);
});

test('whatever comes, what goes on is readable', () => {
  const words = fc.oneof(
    fc.constantFrom('0', '1', 'd', '', trace, span, `00-${trace}-${span}-01`, `${trace}-${span}-1`, `${trace}-${span}`),
    fc.string(),
  );
  const names = ['traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled'];
  const random = new SeededRandom(7);
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), words), fc.boolean(), (headers, w3c) => {
      const request = head(headers as Record<string, string>);
      const own = w3c ? Form.w3c : Form.b3;
      const incoming = readIncoming(request, own, true);
      const id = newId(random, 16);
      const begun = new Trace(incoming, random, true, own);
      begun.write(request, id, begun.callerId);
      for (const preferred of [Form.w3c, Form.b3]) {
        const after = readIncoming(request, preferred, true)!.context!;
        assert.equal(after.traceId.padStart(32, '0'), begun.traceId.padStart(32, '0'));
        assert.deepEqual([after.spanId, after.sampled], [id, true]);
      }
    }),
    { numRuns: 300 },
  );
});

describe('sampling', () => {
  const decide = (
    more: object,
    headers: Record<string, string> = {},
    from: 'outside' | 'inside' | 'call' = 'outside',
  ) =>
    new Sampling(tracingConfig({ randomPpm: 0, ...more }), new SeededRandom(1)).decide(
      head(headers),
      from === 'call' ? undefined : from === 'inside',
    );

  test('a share by chance', () => {
    const sampling = new Sampling(tracingConfig({ randomPpm: 250_000 }), new SeededRandom(1));
    let sampled = 0;
    for (let each = 0; each < 1000; each++) if (sampling.decide(head({}), undefined)) sampled++;
    assert.ok(sampled > 200 && sampled < 300, String(sampled));
  });

  test('by the id of the request: proxies agree', () => {
    // 0x1388 is 5000 of 10000.
    const id = { 'x-request-id': '00001388-0000-4000-8000-000000000000' };
    assert.equal(decide({ randomPpm: 500_000 }, id), false);
    assert.equal(decide({ randomPpm: 500_100 }, id), true);
    assert.equal(decide({ randomPpm: 1_000_000, overallPpm: 500_000 }, id), false);
  });

  test('because the client asks for it', () => {
    const asks = { 'x-client-trace-id': 'x' };
    assert.equal(decide({}, asks), true);
    assert.equal(decide({ clientPpm: 0 }, asks), false);
    assert.equal(decide({ overallPpm: 0 }, asks), false);
    assert.equal(decide({}, asks, 'call'), false);
  });

  test('because somebody internal insists', () => {
    const force = { 'x-envoy-force-trace': 'true' };
    assert.equal(decide({}, force, 'inside'), true);
    assert.equal(decide({}, force, 'outside'), false);
    assert.equal(decide({ overallPpm: 0 }, force, 'inside'), false);
  });
});

test('an id is never zero', () => {
  assert.equal(newId({ next: () => 0 }, 16), '0000000000000001');
});
