import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ScriptedConnection } from '@sofamesh/testkit/scripted-connection';
import { FrameWriter } from './frame-writer.ts';

const frameBytes = 13;

describe('the frame writer of HTTP/2', () => {
  test('writes every frame whole, also the one for which a new slab is begun', () => {
    const connection = new ScriptedConnection();
    const writer = new FrameWriter(connection);
    const rounds = 20_000;
    for (let round = 1; round <= rounds; round++) {
      if (round % 2 === 0) writer.windowUpdate(round, round);
      else writer.reset(round, round);
      if (round % 7 === 0) writer.flush();
    }
    writer.flush();
    const written = Buffer.concat(connection.writes);
    assert.equal(written.length, rounds * frameBytes);
    for (let round = 1; round <= rounds; round++) {
      const at = (round - 1) * frameBytes;
      assert.equal(written.readUInt32BE(at + 5), round);
      assert.equal(written.readUInt32BE(at + 9), round);
    }
  });
});
