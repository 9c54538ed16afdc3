import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { type CodecOptions, defaultCodecLimits, type Protocol, type ProtocolFault } from '@sofamesh/contract/protocol';
import { ScriptedConnection } from '@sofamesh/testkit/scripted-connection';
import fc from 'fast-check';
import { protocol as bolt } from '../bolt/bolt.ts';
import { protocol as dubbo } from '../dubbo/dubbo.ts';
import { protocol as http1 } from '../http1/http1.ts';
import { protocol as http2 } from '../http2/http2.ts';
import { compose as composeHttp2 } from '../rpc-to-json-http2/rpc-to-json-http2.ts';
import { parseJavaType } from '../shared/conversion/java-type.ts';
import { type CallRule, readMapping } from '../shared/conversion/mapping.ts';
import { formOf, headOfCall } from '../shared/conversion/native-codecs.ts';
import { HessianList, HessianMap, HessianObject, type HessianValue } from '../shared/hessian2/value.ts';
import { compose } from './rpc-to-json.ts';

const protocols = new Map<string, Protocol>([bolt, dubbo, http1, http2].map((protocol) => [protocol.name, protocol]));
const converter = compose(protocols)!;
const limits = defaultCodecLimits;

const param = (name: string, from: string, type = 'java.lang.Object') => ({ name, from, type });
const mapping = readMapping(
  {
    bodyBytesMax: 2000,
    types: { 'com.x.User': { id: 'long', name: 'java.lang.String' } },
    rules: [
      {
        http: { method: 'PUT', path: '/users/{id}' },
        call: {
          interface: 'com.x.Users',
          method: 'save',
          parameters: [
            param('id', 'path'),
            param('tag', 'query'),
            param('x-reason', 'header'),
            param('user', 'body.user'),
            param('city', 'body.address.city'),
          ],
          returns: 'com.x.User',
          headers: ['tenant'],
        },
        errors: [{ exception: 'com.x.NotFound', status: 404 }],
      },
      { http: { method: 'GET', path: '/all' }, call: { interface: 'com.x.Users', method: 'all' } },
    ],
  },
  'm',
  'rpc-to-json',
);

interface Sample {
  readonly method?: string;
  readonly args?: readonly HessianValue[];
  readonly oneWay?: boolean;
  readonly generic?: boolean;
  readonly headers?: readonly (readonly [string, string])[];
}

/** The frame of a call as a client would send it. */
function callFrame(
  protocol: string,
  { method = 'all', args = [], oneWay = false, generic = false, headers = [] }: Sample,
): Buffer {
  const parameters = args.map((_each, at) => ({
    name: `p${at}`,
    source: { kind: 'body' as const },
    type: parseJavaType('java.lang.Object')!,
    fallback: undefined,
  }));
  const rule: CallRule = { ...mapping.rules[1]!.call, method, parameters, oneWay, generic };
  return formOf(protocol)!.encodeCall({ rule, args, timeoutMs: 1000, headers });
}

/** One connection to an HTTP/1.1 host, and what the engine hears of its calls. */
class World {
  readonly connection = new ScriptedConnection();
  readonly faults: ProtocolFault[] = [];
  readonly protocol: string;
  readonly codec;
  ends = 0;

  constructor(protocol: string, http?: CodecOptions) {
    this.protocol = protocol;
    const host = {
      onStreamEnd: () => void this.ends++,
      onAvailabilityChange() {},
      onFault: (fault: ProtocolFault) => void this.faults.push(fault),
      onUnsolicited() {},
    };
    this.codec = converter.createClientCodec(this.connection, host, {
      limits,
      settings: { protocol: 'http1', mapping, ...(http && { http }) },
    });
  }

  head(sample: Sample): RequestHead {
    const protocol = protocols.get(this.protocol)!;
    return headOfCall(protocol, callFrame(this.protocol, sample), this.connection, limits)!;
  }

  call(sample: Sample, head = this.head(sample)) {
    const told: (ResponseHead | string)[] = [];
    const stream = this.codec.openStream({
      onInformational() {},
      onResponseHead: (each) => told.push(each),
      onResponseData() {},
      onResponseTrailers() {},
      onResponseReset: (reason) => told.push(reason),
      onRequestWritable() {},
    });
    stream.sendHead(head, true);
    return { stream, told };
  }

  /** What was written since the last call. */
  sent(): string {
    return this.connection.take().toString();
  }

  answer(status: number, body: string, more = ''): void {
    this.codec.receive(
      Buffer.from(`HTTP/1.1 ${status} X\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`),
    );
  }

  read(head: ResponseHead | string | undefined) {
    return formOf(this.protocol)!.readReply(head as ResponseHead);
  }
}

const userArgs = [7n, new HessianList(['a', 'b c']), 'because', new HessianMap([['name', 'Zoë']]), 'Ulm'] as const;

for (const protocol of ['bolt', 'dubbo']) {
  describe(`${protocol} to JSON`, () => {
    test('a call is a request, and its answer the reply', () => {
      const world = new World(protocol);
      const { told } = world.call({
        method: 'save',
        args: userArgs,
        headers: [
          ['tenant', 'blue'],
          ['other', 'x'],
        ],
      });
      const body = '{"user":{"name":"Zoë"},"address":{"city":"Ulm"}}';
      const lines = world.sent().split('\r\n');
      assert.deepEqual(lines.slice(0, 2), ['PUT /users/7?tag=a&tag=b+c HTTP/1.1', 'host: com.x.Users']);
      assert.deepEqual(lines.slice(2).sort(), [
        '',
        'accept: application/json',
        `content-length: ${Buffer.byteLength(body)}`,
        'content-type: application/json',
        'tenant: blue',
        'x-reason: because',
        body,
      ]);
      world.answer(200, '{"name":"Zoë","id":7}');
      const head = told[0] as ResponseHead;
      assert.deepEqual([head.protocol, head.status, head.applicationError], [protocol, 200, false]);
      const user = new HessianObject('com.x.User', ['id', 'name'], [7n, 'Zoë']);
      assert.deepEqual(world.read(head), { kind: 'value', value: user });
      assert.deepEqual([world.ends, world.codec.activeStreams, world.codec.available], [1, 0, 1]);
    });

    test('the settings and limits of HTTP are those that its cluster has', () => {
      const http = { limits: { ...limits, headerCountMax: 2 }, settings: { headerKeyFormat: 'proper' } };
      const world = new World(protocol, http);
      const { told } = world.call({});
      assert.match(world.sent(), /\r\nAccept: application\/json\r\n/);
      world.answer(200, '1', 'a: b\r\nc: d\r\n');
      assert.deepEqual(told, ['protocol-error']);
    });

    test('the same call can be sent again', () => {
      const world = new World(protocol);
      const head = world.head({});
      for (let round = 0; round < 3; round++) {
        const { told } = world.call({}, head);
        assert.match(world.sent(), /^GET \/all HTTP/);
        world.answer(200, String(round));
        assert.deepEqual(world.read(told[0]), { kind: 'value', value: round });
      }
    });

    test('nothing, null and 204 are null', () => {
      const world = new World(protocol);
      for (const answer of [
        () => world.answer(200, ''),
        () => world.answer(200, 'null'),
        () => world.codec.receive(Buffer.from('HTTP/1.1 204 X\r\n\r\n')),
      ]) {
        const { told } = world.call({});
        answer();
        assert.deepEqual(world.read(told[0]), { kind: 'value', value: null });
      }
    });

    test('errors: an exception of the rule, else a status of the protocol', () => {
      const world = new World(protocol);
      const of = (status: number, body: string) => {
        const { told } = world.call({ method: 'save', args: userArgs });
        world.answer(status, body);
        const head = told[0] as ResponseHead;
        return [head.status, world.read(head)] as const;
      };
      assert.deepEqual(of(404, '{"message":"no such user"}'), [
        200,
        { kind: 'exception', className: 'com.x.NotFound', message: 'no such user' },
      ]);
      const status = protocol === 'dubbo' ? 400 : 503;
      assert.deepEqual(of(503, 'come back'), [status, { kind: 'failure', message: '503|come back' }]);
      assert.equal(of(504, '')[0], 504);
      assert.equal(of(302, '')[1].kind, 'failure');
      assert.equal(of(200, 'no JSON')[1].kind, 'failure');
      assert.equal(of(200, '{"id":"x"}')[1].kind, 'failure');
      assert.equal(of(200, `"${'x'.repeat(3000)}"`)[1].kind, 'failure');
      assert.equal(world.connection.closed, undefined);
    });

    test('what has no rule, or does not fit it, is refused and never sent', async () => {
      const world = new World(protocol);
      const bad: Sample[] = [
        { method: 'nothing' },
        { method: 'all', args: [1] },
        { method: 'save', args: [null, ...userArgs.slice(1)] },
        { method: 'save', args: ['..', ...userArgs.slice(1)] },
        { method: 'save', args: [1, null, 'line\r\nx-evil: 1', null, null] },
        { method: 'save', args: [1, null, null, 'x'.repeat(3000), null] },
      ];
      for (const sample of bad) {
        const { told } = world.call(sample);
        assert.equal(told.length, 0, 'not within the calls of the engine');
        assert.equal(world.codec.available, 0);
        await Promise.resolve();
        assert.ok(
          (told[0] as ResponseHead).status >= 400,
          JSON.stringify(sample, (_key, value) => String(value)),
        );
        assert.equal(world.codec.available, 1);
      }
      assert.equal(world.sent(), '');
      assert.deepEqual([world.ends, world.faults.length], [bad.length, bad.length]);
    });

    test('a one-way call is over when it is sent, and its connection when it was answered', () => {
      const world = new World(protocol);
      const { told } = world.call({ oneWay: true });
      assert.match(world.sent(), /^GET \/all/);
      assert.equal(world.codec.available, 0);
      world.answer(500, 'whatever');
      assert.deepEqual([told, world.ends, world.codec.available], [[], 1, 1]);
    });

    test('the end of a connection reaches each call once', async () => {
      const waiting = new World(protocol);
      const { told } = waiting.call({});
      waiting.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
      assert.deepEqual([told, waiting.ends], [['connection-termination'], 1]);
      const refused = new World(protocol);
      const other = refused.call({ method: 'nothing' });
      refused.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
      await Promise.resolve();
      assert.deepEqual([other.told, refused.ends], [['connection-termination'], 1]);
      const given = new World(protocol);
      const gone = given.call({ method: 'nothing' });
      gone.stream.reset('local-reset');
      await Promise.resolve();
      assert.deepEqual([gone.told, given.ends, given.codec.available], [[], 1, 1]);
    });

    test('arguments that cannot be read cost their call alone', async () => {
      const world = new World(protocol);
      const refusals = await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (noise) => {
          const frame = callFrame(protocol, { method: 'save', args: userArgs });
          const contentAt =
            protocol === 'dubbo'
              ? frame.indexOf(Buffer.from('save')) + 4
              : 22 + frame.readUInt16BE(14) + frame.readUInt16BE(16);
          const broken = Buffer.concat([frame.subarray(0, contentAt), noise]);
          if (protocol === 'dubbo') broken.writeUInt32BE(broken.length - 16, 12);
          else broken.writeUInt32BE(noise.length, 18);
          const head = headOfCall(protocols.get(protocol)!, broken, world.connection, limits);
          if (head === undefined) return;
          const { told } = world.call({}, head);
          await Promise.resolve();
          if (world.sent() !== '') world.answer(200, '');
          assert.ok(typeof told[0] === 'object');
        }),
        { seed: 8, numRuns: 300 },
      );
      assert.equal(refusals, undefined);
      assert.equal(world.connection.closed, undefined);
      assert.equal(world.codec.available, 1);
    });
  });
}

test('a generic call of Dubbo is the call that it names', () => {
  const world = new World('dubbo');
  const { told } = world.call({ method: 'save', args: userArgs, generic: true });
  assert.match(world.sent(), /^PUT \/users\/7\?/);
  world.answer(200, '{"id":1}');
  assert.deepEqual(world.read(told[0]), { kind: 'value', value: new HessianMap([['id', 1n]]) });
});

test('a checksum of bolt is answered with one', () => {
  const world = new World('bolt');
  const plain = callFrame('bolt', {});
  // The same call in version 2: two bytes more, and a CRC.
  const v2 = Buffer.concat([Buffer.from([2, 2]), plain.subarray(1, 10), Buffer.from([1]), plain.subarray(10)]);
  const sealed = Buffer.concat([v2, Buffer.alloc(4)]);
  sealed.writeUInt32BE(crc32(v2), v2.length);
  const { told } = world.call({}, headOfCall(bolt, sealed, world.connection, limits)!);
  // The protocol's own codec refuses a wrong one.
  world.answer(200, '5');
  assert.deepEqual(world.read(told[0]), { kind: 'value', value: 5 });
});

test('over HTTP/2 calls share a connection', () => {
  const converting = composeHttp2(protocols)!;
  assert.deepEqual([converter.pooling, converting.pooling], ['exclusive', 'multiplexed']);
  const connection = new ScriptedConnection();
  const host = { onStreamEnd() {}, onAvailabilityChange() {}, onFault() {}, onUnsolicited() {} };
  const codec = converting.createClientCodec(connection, host, { limits, settings: { protocol: 'http2', mapping } });
  const before = codec.available;
  const handler = {
    onInformational() {},
    onResponseHead() {},
    onResponseData() {},
    onResponseTrailers() {},
    onResponseReset() {},
    onRequestWritable() {},
  };
  for (let each = 0; each < 3; each++) {
    const head = headOfCall(bolt, callFrame('bolt', {}), connection, limits)!;
    codec.openStream(handler).sendHead(head, true);
  }
  assert.deepEqual([codec.activeStreams, codec.available], [3, before - 3]);
});

test('is for hosts only', () => {
  assert.equal(compose(new Map()), undefined);
  assert.equal(converter.detect(Buffer.from('GET /')), 'mismatch');
  assert.throws(() => converter.createServerCodec(new ScriptedConnection(), {} as never, { limits }), /hosts only/);
});
