import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cut } from '@sofamesh/testkit/protocol-suite/pieces';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { protocol } from './http2.ts';
import { Http2ResponseHead } from './response-head.ts';
import { data, endHeaders, type Fields, headers, opening, post } from './sample-frames.test.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

const value = fc
  .string({ unit: fc.constantFrom(...'abc XYZ0189-;=,\u00e4'), maxLength: 40 })
  .map((text) => text.trim());
const field = fc.tuple(fc.constantFrom('x-a', 'x-b', 'accept', 'cookie', 'authorization'), value);
const message = fc.record({
  fields: fc.array(field, { maxLength: 12 }),
  body: fc.uint8Array({ maxLength: 40_000, size: 'max' }).map((octets) => Buffer.from(octets)),
  trailers: fc.array(fc.tuple(fc.constantFrom('x-t', 'x-u'), value), { maxLength: 3 }),
});

function framesOf(streamId: number, { fields, body, trailers }: { fields: Fields; body: Buffer; trailers: Fields }) {
  const frames = [headers(streamId, [...post, ...fields], endHeaders)];
  for (let at = 0; at < body.length; at += 7000) frames.push(data(streamId, body.subarray(at, at + 7000), 0));
  frames.push(trailers.length > 0 ? headers(streamId, trailers) : data(streamId, '', 1));
  return frames;
}

const listed = (headersOf: { visit(visitor: (name: string, value: string) => void): void } | undefined) => {
  const found: [string, string][] = [];
  headersOf?.visit((name, text) => found.push([name, text]));
  return found;
};

/** Cookies are one field behind the codec. */
const joined = (fields: Fields) => {
  const cookies = fields.filter(([name]) => name === 'cookie').map(([, text]) => text);
  let first = true;
  return fields.flatMap(([name, text]) => {
    if (name !== 'cookie') return [[name, text]];
    if (!first) return [];
    first = false;
    return [['cookie', cookies.filter((crumb) => crumb !== '').join('; ')]];
  });
};

test('whatever is sent on interleaved streams, in whatever pieces, arrives behind both codecs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat({ max: 20_000 }), { maxLength: 12 }),
      fc.infiniteStream(fc.nat({ max: 3 })),
      async (messages, cuts, choices) => {
        const queues = messages.map((each, at) => framesOf(2 * at + 1, each));
        // Streams begin in order; their later frames come in any.
        const bytes = queues.map((queue) => queue.shift()!);
        while (queues.some((queue) => queue.length > 0)) {
          const [choice = 0] = choices.take(1);
          const queue = queues[choice % queues.length]!;
          if (queue.length > 0) bytes.push(queue.shift()!);
          else queues.splice(choice % queues.length, 1);
        }
        const first = new ScriptedServer(protocol);
        const client = new ScriptedClient(protocol);
        const second = new ScriptedServer(protocol);
        client.codec.receive(second.connection.take());
        first.codec.receive(opening.fromClient());
        first.onCall = (call) => client.forward(call);
        const whole = Buffer.concat(bytes);
        for (const piece of cut(
          whole,
          [...cuts].sort((a, b) => a - b),
        ))
          first.codec.receive(piece);
        for (let round = 0; round < 20; round++) {
          second.codec.receive(client.connection.take());
          client.codec.receive(second.connection.take());
          await settled();
        }
        assert.deepEqual([first.faults, client.faults, second.faults], [[], [], []]);
        messages.forEach((sent, at) => {
          const call = second.calls[at]!;
          assert.deepEqual(listed(call.head), joined(sent.fields));
          assert.ok(call.requestBody.equals(sent.body));
          assert.deepEqual(listed(call.requestTrailers), joined(sent.trailers));
          assert.ok(call.requestEnded);
        });
      },
    ),
    { numRuns: 20, endOnFailure: true },
  );
});

test('a response arrives whole, whatever the windows and the pauses of its reader', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 200_000, size: 'max' }),
      fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
      async (octets, sizes, pauses) => {
        const body = Buffer.from(octets);
        const server = new ScriptedServer(protocol);
        const client = new ScriptedClient(protocol, {
          initialStreamWindowSize: 65_535,
          initialConnectionWindowSize: 65_535,
        });
        const source = new ScriptedServer(protocol);
        source.codec.receive(Buffer.concat([opening.fromClient(), headers(1, post)]));
        const call = source.lastCall;
        call.relays = false;
        const upstream = client.codec.openStream(call);
        upstream.sendHead(call.head, true);
        server.codec.receive(client.connection.take());
        client.codec.receive(server.connection.take());
        const { stream } = server.lastCall;
        stream.sendHead(new Http2ResponseHead(200, [], undefined), false);
        for (let at = 0, turn = 0; at < body.length; turn++) {
          const end = Math.min(body.length, at + sizes[turn % sizes.length]!);
          stream.sendData(body.subarray(at, end), end === body.length);
          at = end;
        }
        for (let round = 0; round < 200 && !call.responseEnded; round++) {
          if (pauses[round % pauses.length]) upstream.pauseResponse();
          client.codec.receive(server.connection.take());
          upstream.resumeResponse();
          await settled();
          server.codec.receive(client.connection.take());
        }
        assert.ok(call.responseEnded);
        assert.ok(call.responseBody.equals(body));
        assert.deepEqual([client.codec.activeStreams, server.codec.activeStreams], [0, 0]);
        assert.deepEqual([client.faults, server.faults], [[], []]);
      },
    ),
    { numRuns: 20, endOnFailure: true },
  );
});
