import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ResponseHead } from '@sofamesh/contract/message';
import { defaultCodecLimits, type Protocol, type ProtocolFault } from '@sofamesh/contract/protocol';
import { ScriptedConnection } from '@sofamesh/testkit/scripted-connection';
import fc from 'fast-check';
import { protocol as bolt } from '../bolt/bolt.ts';
import { protocol as dubbo } from '../dubbo/dubbo.ts';
import { MadeRequestHead } from '../shared/conversion/json-heads.ts';
import { readMapping } from '../shared/conversion/mapping.ts';
import { formOf, headOfCall } from '../shared/conversion/native-codecs.ts';
import { HessianList, HessianMap, HessianObject, type HessianValue } from '../shared/hessian2/value.ts';
import { compose } from './json-to-rpc.ts';

const protocols = new Map<string, Protocol>([bolt, dubbo].map((protocol) => [protocol.name, protocol]));
const converter = compose(protocols)!;
const limits = defaultCodecLimits;

const parameters = [
  { name: 'id', from: 'path', type: 'long' },
  { name: 'user', from: 'body', type: 'com.x.User' },
];
const call = {
  interface: 'com.x.Users',
  version: '2.0',
  group: 'blue',
  method: 'save',
  parameters,
  headers: ['tenant'],
};
const rules = [
  {
    http: { method: 'PUT', path: '/users/{id}' },
    call,
    errors: [{ exception: 'com.x.Refused', status: 409 }],
  },
  { http: { method: 'POST', path: '/notes/{id}' }, call: { ...call, oneWay: true } },
  { http: { method: 'GET', path: '/all' }, call: { interface: 'com.x.Users', method: 'all' } },
];

/** One connection to a host, and what the engine hears of its requests. */
class World {
  readonly connection = new ScriptedConnection();
  readonly faults: ProtocolFault[] = [];
  ends = 0;
  readonly codec;
  readonly #form;

  constructor(protocol: string, settings?: unknown) {
    const mapping = readMapping({ bodyBytesMax: 1000, rules }, 'm', 'json-to-rpc');
    this.#form = formOf(protocol)!;
    const host = {
      onStreamEnd: () => void this.ends++,
      onAvailabilityChange() {},
      onFault: (fault: ProtocolFault) => void this.faults.push(fault),
      onUnsolicited() {},
    };
    this.codec = converter.createClientCodec(this.connection, host, {
      limits,
      settings: settings ?? { protocol, mapping },
    });
  }

  request(method: string, path: string, body?: unknown, headers: readonly (readonly [string, string])[] = []) {
    const told: (ResponseHead | string)[] = [];
    const stream = this.codec.openStream({
      onInformational() {},
      onResponseHead: (head) => told.push(head),
      onResponseData: (chunk) => told.push(chunk.toString()),
      onResponseTrailers() {},
      onResponseReset: (reason) => told.push(reason),
      onRequestWritable() {},
    });
    stream.sendHead(new MadeRequestHead(method, 'shop', path, headers), body === undefined);
    if (body !== undefined) {
      const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      for (let at = 0; at <= bytes.length; at += 7) stream.sendData(bytes.subarray(at, at + 7), at + 7 > bytes.length);
    }
    return { stream, told };
  }

  /** The frames that were written since the last call. */
  sent(): Buffer[] {
    return this.connection.writes.splice(0).map((frame) => Buffer.from(frame));
  }

  answer(frame: Buffer, value: HessianValue): void {
    this.codec.receive(this.#form.encodeValue(frame, value));
  }

  throws(frame: Buffer, exception: HessianObject): void {
    this.codec.receive(this.#form.encodeException(frame, exception));
  }

  read(frame: Buffer) {
    return this.#form.readCall(frame);
  }
}

const answered = (told: (ResponseHead | string)[]) => {
  const [head, body] = told as [ResponseHead, string | undefined];
  return { status: head.status, body: body === undefined ? undefined : JSON.parse(body) };
};
/** A call as its server's engine sees it. */
const headOf = (protocol: string, frame: Buffer) =>
  headOfCall(protocols.get(protocol)!, Buffer.from(frame), new ScriptedConnection(), limits)!;
const exception = (name: string, fields: object) =>
  new HessianObject(name, Object.keys(fields), Object.values(fields) as HessianValue[]);

for (const protocol of ['bolt', 'dubbo']) {
  describe(`JSON to ${protocol}`, () => {
    test('a request is a call, and its reply an answer', () => {
      const world = new World(protocol);
      const { told } = world.request('PUT', '/users/7?x=1', { name: 'Zoë' }, [
        ['tenant', 'a'],
        ['cookie', 'secret'],
      ]);
      const [frame] = world.sent();
      const head = headOf(protocol, frame!);
      assert.deepEqual(
        [head.authority, head.path, ...['version', 'group', 'tenant', 'cookie'].map((name) => head.get(name))],
        ['com.x.Users', protocol === 'dubbo' ? '/$invoke' : '/save', '2.0', 'blue', 'a', undefined],
      );
      const { args } = world.read(frame!);
      const user = new HessianObject('com.x.User', ['name'], ['Zoë']);
      assert.deepEqual(args, [7n, protocol === 'dubbo' ? new HessianMap([['name', 'Zoë']]) : user]);
      world.answer(frame!, new HessianList([1, 'two', null]));
      assert.deepEqual(answered(told), { status: 200, body: [1, 'two', null] });
      const answer = told[0] as ResponseHead;
      assert.deepEqual([answer.get('content-type'), answer.get('content-length')], ['application/json', '14']);
      assert.deepEqual([world.ends, world.codec.activeStreams, world.faults.length], [1, 0, 0]);
    });

    test('many requests share the connection, and each has its own answer', () => {
      const world = new World(protocol);
      const requests = Array.from({ length: 20 }, () => world.request('GET', '/all'));
      const frames = world.sent();
      assert.equal(frames.length, 20);
      for (const [at, frame] of [...frames.entries()].reverse()) world.answer(frame, at);
      for (const [at, { told }] of requests.entries()) assert.deepEqual(answered(told), { status: 200, body: at });
    });

    test('exceptions have the status of their rule', () => {
      const world = new World(protocol);
      const one = world.request('PUT', '/users/1', {});
      const other = world.request('PUT', '/users/2', {});
      const [first, second] = world.sent();
      world.throws(first!, exception('com.x.Refused', { detailMessage: 'no', stackTrace: new HessianList() }));
      // Java's exceptions point to themselves.
      const own = exception('com.x.Other', { detailMessage: null, stackTrace: null, cause: null });
      const wire = formOf(protocol)!.encodeException(second!, own);
      world.codec.receive(wire);
      assert.deepEqual(answered(one.told), { status: 409, body: { error: 'com.x.Refused', message: 'no' } });
      assert.deepEqual(answered(other.told), { status: 500, body: { error: 'com.x.Other', message: '' } });
      assert.equal((one.told[0] as ResponseHead).applicationError, true);
    });

    test('a one-way call is accepted', async () => {
      const world = new World(protocol);
      const { told } = world.request('POST', '/notes/1', {});
      const [frame] = world.sent();
      assert.equal(world.read(frame!).args[0], 1n);
      assert.deepEqual(told, []);
      await Promise.resolve();
      assert.deepEqual(answered(told), { status: 202, body: undefined });
      assert.equal(world.ends, 1);
    });

    test('what is no call is refused and never sent', async () => {
      const world = new World(protocol);
      const cases: [ReturnType<World['request']>, number, string][] = [
        [world.request('GET', '/nothing'), 404, 'no_rule'],
        [world.request('GET', '/users/1'), 405, 'method_not_allowed'],
        [world.request('PUT', '/users/x', {}), 400, 'bad_request'],
        [world.request('PUT', '/users/1'), 400, 'bad_request'],
        [world.request('PUT', '/users/1', '{'), 400, 'bad_request'],
        [world.request('PUT', '/users/1', '{}', [['content-type', 'text/plain']]), 415, 'unsupported_media_type'],
        [world.request('PUT', '/users/1', '{}', [['content-encoding', 'gzip']]), 415, 'unsupported_media_type'],
        [world.request('PUT', '/users/1', { name: 'x'.repeat(1000) }), 413, 'body_too_large'],
      ];
      for (const [{ told }] of cases) assert.deepEqual(told, [], 'not within the calls of the engine');
      await Promise.resolve();
      for (const [{ told }, status, error] of cases) {
        const { status: found, body } = answered(told);
        assert.deepEqual([found, body.error], [status, error]);
      }
      const [, refused] = cases;
      assert.equal((refused![0].told[0] as ResponseHead).get('allow'), 'PUT');
      assert.deepEqual(world.sent(), []);
      assert.deepEqual([world.ends, world.codec.activeStreams], [cases.length, 0]);
    });

    test('the end of a connection reaches each request once, whatever its state', async () => {
      const world = new World(protocol);
      const waiting = world.request('GET', '/all');
      const half = world.codec.openStream({
        onInformational() {},
        onResponseHead() {},
        onResponseData() {},
        onResponseTrailers() {},
        onResponseReset: (reason) => halfTold.push(reason),
        onRequestWritable() {},
      });
      const halfTold: string[] = [];
      half.sendHead(new MadeRequestHead('PUT', 'x', '/users/1', []), false);
      const refused = world.request('GET', '/nothing');
      world.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
      await Promise.resolve();
      half.sendData(Buffer.from('{}'), true);
      assert.deepEqual([waiting.told, halfTold], [['connection-termination'], ['connection-termination']]);
      assert.equal(answered(refused.told).status, 404);
      assert.equal(world.ends, 3);
    });

    test('a request that is given up hears nothing more', async () => {
      const world = new World(protocol);
      const sent = world.request('GET', '/all');
      const refused = world.request('GET', '/nothing');
      sent.stream.reset('local-reset');
      refused.stream.reset('local-reset');
      const [frame] = world.sent();
      world.answer(frame!, 1);
      await Promise.resolve();
      assert.deepEqual([sent.told, refused.told], [[], []]);
      assert.equal(world.ends, 2);
    });

    test('a reply that makes no sense is a 502, and the connection stays', () => {
      const world = new World(protocol);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
          const { told } = world.request('GET', '/all');
          const [frame] = world.sent();
          const reply = formOf(protocol)!.encodeValue(frame!, null);
          // The content of both begins behind what their heads say; the noise takes its place.
          const contentAt = protocol === 'dubbo' ? 16 : 20 + reply.readUInt16BE(12) + reply.readUInt16BE(14);
          const broken = Buffer.concat([reply.subarray(0, contentAt), noise]);
          broken.writeUInt32BE(noise.length, protocol === 'dubbo' ? 12 : 16);
          world.codec.receive(broken);
          assert.ok([200, 500, 502].includes(answered(told).status));
        }),
        { seed: 7, numRuns: 500 },
      );
      assert.ok(
        world.faults.length > 100 &&
          world.faults.every(({ scope, code }) => scope === 'stream' && code === 'bad_reply'),
      );
      const { told } = world.request('GET', '/all');
      world.answer(world.sent()[0]!, 'x'.repeat(2000));
      assert.deepEqual(answered(told), {
        status: 502,
        body: { error: 'bad_reply', message: 'the reply is longer than 1000 as JSON' },
      });
    });

    test("the caller's patience goes along, if it is less than the rule's", () => {
      const world = new World(protocol);
      const of = (ms: string) => {
        world.request('GET', '/all', undefined, [['x-envoy-expected-rq-timeout-ms', ms]]);
        const [frame] = world.sent();
        return headOf(protocol, frame!).timeoutMs;
      };
      assert.deepEqual(['250', '9000', 'soon', '-1', '0'].map(of), [250, 3000, 3000, 3000, 3000]);
    });
  });
}

test('errors outside of the application have the status that they stand for', () => {
  const world = new World('dubbo');
  const { told } = world.request('GET', '/all');
  const frame = world.sent()[0]!;
  const reply = Buffer.concat([
    Buffer.from('dabb021f', 'hex'),
    frame.subarray(4, 12),
    Buffer.from('0000000504', 'hex'),
    Buffer.from('late'),
  ]);
  world.codec.receive(reply);
  assert.deepEqual(answered(told), { status: 504, body: { error: 'dubbo_31', message: 'late' } });
  const sofa = new World('bolt');
  const failed = sofa.request('GET', '/all');
  const busy = formOf('bolt')!.encodeValue(sofa.sent()[0]!, null);
  busy.writeUInt16BE(4, 10);
  sofa.codec.receive(busy);
  assert.deepEqual(answered(failed.told), { status: 503, body: { error: 'bolt_4', message: '' } });
});

test('Dubbo may answer with attachments, and dubbo-remoting with nothing but null', () => {
  const world = new World('dubbo');
  const of = (body: string) => {
    const { told } = world.request('GET', '/all');
    const bytes = Buffer.from(body, 'hex');
    const head = Buffer.from('dabb02140000000000000000000000ff', 'hex');
    world.sent()[0]!.copy(head, 4, 4, 12);
    head[15] = bytes.length;
    world.codec.receive(Buffer.concat([head, bytes]));
    return answered(told).body;
  };
  assert.equal(of('9192'), 2);
  assert.equal(of('9492480161016b5a'), 2);
  assert.deepEqual([of('92'), of('95485a'), of('4e')], [null, null, null]);
  assert.deepEqual(of('934e485a'), { error: 'java.lang.Exception', message: '' });
});

test('is for hosts only, and needs settings', () => {
  assert.equal(converter.detect(Buffer.from('GET /')), 'mismatch');
  assert.throws(() => converter.createServerCodec(new ScriptedConnection(), {} as never, { limits }), /hosts only/);
  assert.throws(() => new World('bolt', {}), /no calls can be made in ""/);
  assert.throws(() => new World('bolt', { protocol: 'http1' }), /no calls can be made in "http1"/);
  assert.throws(() => new World('bolt', { protocol: 'bolt' }), /needs a mapping/);
});
