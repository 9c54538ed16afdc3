import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bench, settled } from './bench.ts';
import { assertResponse } from './expectations.ts';
import type { RefusedSample } from './fixtures.ts';
import { cut } from './pieces.ts';
import type { ScriptedCall, ScriptedServer } from './scripted-engine.ts';

/** Bytes that break the protocol are refused, the same in whatever pieces, and cost what the fault's scope says. */
export function refusalTests(bench: Bench): void {
  const { refused } = bench.fixtures;
  for (const side of ['server', 'client'] as const) {
    assert.ok(
      refused.some((sample) => sample.side === side),
      `no refused sample for the ${side} codec in the fixtures`,
    );
  }

  for (const sample of refused) {
    const closes = sample.closes ?? (sample.scope ?? 'connection') === 'connection';
    const pieces = (id: number) => {
      const bytes = sample.bytes(id);
      const step = Math.max(1, Math.floor(bytes.length / 500));
      return [[], ...(bytes.length < 5000 ? [[1], [bytes.length - 1]] : []), stepsOf(bytes.length, step)];
    };
    if (sample.side === 'server') {
      test(`${sample.name} is refused`, async () => {
        for (const cuts of pieces(1)) {
          const server = bench.server();
          for (const piece of cut(sample.bytes(1), cuts)) server.codec.receive(piece);
          assertFault(server, sample);
          assert.equal(server.connection.closed !== undefined, closes, 'closed');
          assert.ok(!server.calls.some(({ requestEnded }) => requestEnded), 'it looks complete to the engine');
          for (const call of server.calls) assert.notEqual(call.requestReset, undefined, 'the engine was not told');
          if (closes) continue;
          server.codec.receive(bench.plain.request(2));
          await settled();
          assert.equal(server.calls.length, 1, 'the next call is served');
        }
        const seen = bench.understood((server, id) => server.codec.receive(sample.bytes(id)));
        if (sample.answer !== undefined) assertResponse(seen, sample.answer);
        else assertNoSuccess(seen);
      });
    } else {
      test(`${sample.name} is refused as an answer`, () => {
        for (const cuts of pieces(1)) {
          const { client, call, server, id } = bench.relay(bench.plain);
          for (const piece of cut(sample.bytes(id), cuts)) client.codec.receive(piece);
          assertFault(client, sample);
          assert.equal(client.connection.closed !== undefined, closes, 'closed');
          assert.equal(server.connection.closed, undefined, 'the client has done nothing wrong');
          if (!closes) continue;
          assert.ok(!call.responseEnded, 'it looks complete to the engine');
          assert.notEqual(call.responseReset, undefined);
          assert.deepEqual([client.codec.retired, client.codec.available, client.codec.activeStreams], [true, 0, 0]);
          assert.equal(client.streamEnds, 1);
        }
      });
    }
  }
}

function assertFault({ faults }: Pick<ScriptedServer, 'faults'>, sample: RefusedSample): void {
  assert.equal(faults.length, 1, `faults: ${faults.map(({ code }) => code)}`);
  const [fault] = faults;
  if (sample.code !== undefined) assert.equal(fault!.code, sample.code, fault!.message);
  assert.equal(fault!.scope, sample.scope ?? 'connection');
  assert.match(fault!.code, /^[a-z0-9_]+$/);
  assert.notEqual(fault!.message, '');
}

function assertNoSuccess({ response }: ScriptedCall): void {
  if (response !== undefined) assert.ok(response.status >= 400, `an answer with status ${response.status}`);
}

function stepsOf(length: number, step: number): readonly number[] {
  const cuts: number[] = [];
  for (let at = step; at < length; at += step) cuts.push(at);
  return cuts;
}
