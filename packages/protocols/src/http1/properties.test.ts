import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settled } from '@sofamesh/testkit/protocol-suite/bench';
import { cut } from '@sofamesh/testkit/protocol-suite/pieces';
import { type ScriptedCall, ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { protocol } from './http1.ts';
import { message } from './sample-messages.test.ts';

interface Field {
  readonly name: string;
  readonly value: string;
}

/** A message as it was meant; `chunks` undefined: no body, one chunk: with length, more or `chunked`: chunked. */
interface Meant {
  readonly fields: readonly Field[];
  readonly chunks: readonly Buffer[];
  readonly chunked: boolean;
  readonly trailers: readonly Field[];
}

const field = fc.record({
  name: fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/).map((name) => `x-${name}`),
  value: fc.stringMatching(/^(?:[!-~\u00a1-\u00ff](?:[ \t!-~\u00a1-\u00ff]{0,20}[!-~\u00a1-\u00ff])?)?$/),
});
const blank = fc.stringMatching(/^[ \t]{0,3}$/);
const meant = fc.record({
  fields: fc.array(field, { maxLength: 6 }),
  chunks: fc.array(
    fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 4 },
  ),
  chunked: fc.boolean(),
  trailers: fc.array(field, { maxLength: 2 }),
});
const cuts = fc.array(fc.nat(600), { maxLength: 12 }).map((positions) => [...positions].sort((a, b) => a - b));

/** The message as bytes, with blanks where the grammar allows them. */
function written(startLine: string, { fields, chunks, chunked, trailers }: Meant, space: string): Buffer {
  const line = ({ name, value }: Field) => `${name}:${space}${value}${space}`;
  const body = Buffer.concat(chunks);
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const head = message(startLine, ...fields.map(line), framing, '', '');
  if (!chunked) return Buffer.concat([head, body]);
  const pieces = chunks.flatMap((chunk) => [message(chunk.length.toString(16), ''), chunk, message('', '')]);
  return Buffer.concat([head, ...pieces, message('0', ...trailers.map(line), '', '')]);
}

/** Values by lower-case name, as {@link Headers.get} joins them. */
function joined(fields: readonly Field[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const { name, value } of fields) {
    const before = values.get(name.toLowerCase());
    values.set(name.toLowerCase(), before === undefined ? value : `${before},${value}`);
  }
  return values;
}

function assertRead(call: ScriptedCall, side: 'request' | 'response', sample: Meant): void {
  const head = side === 'request' ? call.head : call.response!;
  const body = side === 'request' ? call.requestBody : call.responseBody;
  const trailers = side === 'request' ? call.requestTrailers : call.responseTrailers;
  for (const [name, value] of joined(sample.fields)) assert.equal(head.get(name), value);
  assert.deepEqual(body, Buffer.concat(sample.chunks));
  if (!sample.chunked) return;
  for (const [name, value] of joined(sample.trailers)) assert.equal(trailers!.get(name), value);
}

const settings = { enableTrailers: true };

test('any requests, in any pieces, come through as they were meant, one after the other', async () => {
  const property = fc.asyncProperty(
    fc.array(meant, { minLength: 1, maxLength: 3 }),
    cuts,
    blank,
    async (samples, at, space) => {
      const server = new ScriptedServer(protocol, settings);
      const next = new ScriptedServer(protocol, settings);
      const bytes = Buffer.concat(
        samples.map((sample, index) => written(`POST /${index} HTTP/1.1\r\nHost: a`, sample, space)),
      );
      for (const piece of cut(bytes, at)) server.codec.receive(piece);
      for (const [index, sample] of samples.entries()) {
        assert.deepEqual(server.faults, []);
        const call = server.calls[index]!;
        assert.ok(call.requestEnded);
        assert.equal(call.head.path, `/${index}`);
        assertRead(call, 'request', sample);
        const client = new ScriptedClient(protocol, settings);
        client.forward(call);
        next.codec.receive(client.connection.take());
        assertRead(next.calls[index]!, 'request', sample);
        for (const each of [call, next.calls[index]!]) {
          each.stream.sendReply({ status: 200, body: '', details: '', flags: 0 });
        }
        await settled();
      }
      assert.equal(server.calls.length, samples.length);
      assert.equal(server.codec.heldBytes, 0);
    },
  );
  await fc.assert(property, { seed: 11, numRuns: 300 });
});

test('any response, in any pieces, comes through as it was meant', () => {
  const request = message('GET / HTTP/1.1', 'Host: a', '', '');
  const respond = (bytes: Buffer, at: readonly number[]) => {
    const server = new ScriptedServer(protocol, settings);
    const client = new ScriptedClient(protocol, settings);
    server.onCall = (call) => client.forward(call);
    server.codec.receive(Buffer.from(request));
    for (const piece of cut(bytes, at)) client.codec.receive(piece);
    assert.deepEqual(client.faults, []);
    assert.equal(client.unsolicited, 0);
    return { call: server.lastCall, back: server.connection.take(), client };
  };
  fc.assert(
    fc.property(meant, cuts, blank, (sample, at, space) => {
      const first = respond(written('HTTP/1.1 200 OK', sample, space), at);
      assert.ok(first.call.responseEnded);
      assertRead(first.call, 'response', sample);
      assert.equal(first.client.codec.available, 1);
      // What the client gets is read as the same again.
      assertRead(respond(first.back, []).call, 'response', sample);
    }),
    { seed: 12, numRuns: 500 },
  );
});

test('nothing that is not well-formed makes a codec throw or hold more than came', () => {
  const token = fc.constantFrom(
    ...[
      'GET ',
      'POST ',
      '/',
      ' HTTP/1.1',
      '\r\n',
      '\r\n\r\n',
      '\n',
      '\r',
      'Host: a',
      'Content-Length: 3',
      'Content-Length:',
    ],
    ...[
      'Transfer-Encoding: chunked',
      'Connection: ',
      'upgrade',
      'Upgrade: x',
      'Expect: 100-continue',
      'x: y',
      ':',
      ' ',
      '\t',
    ],
    ...['3', '0', ';', 'abc', 'HTTP/1.1 200 OK', 'HTTP/1.1 101 x', 'HTTP/1.1 204 x', '\0', '\u00ff', 'ffffffffffff'],
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 40 }), cuts, (tokens, at) => {
      const bytes = Buffer.from(tokens.join(''), 'latin1');
      const server = new ScriptedServer(protocol);
      const client = new ScriptedClient(protocol);
      const asking = new ScriptedServer(protocol);
      asking.onCall = (call) => client.forward(call);
      asking.codec.receive(message('GET / HTTP/1.1', 'Host: a', 'Connection: upgrade', 'Upgrade: x', '', ''));
      for (const piece of cut(bytes, at)) {
        server.codec.receive(piece);
        client.codec.receive(piece);
        assert.ok(server.codec.heldBytes <= bytes.length && client.codec.heldBytes <= bytes.length);
      }
      server.codec.receiveEnd();
      client.codec.receiveEnd();
      client.codec.connectionClosed({ kind: 'closed', reason: '' });
      assert.equal(client.codec.activeStreams, 0);
      const [call] = asking.calls;
      assert.ok(call!.responseEnded || call!.responseReset !== undefined);
    }),
    { seed: 13, numRuns: 3000 },
  );
});
