import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { LoadResult } from '../load.ts';
import { FrameScanner, idAt, markBytes, responseTemplate, statusAt } from './frame.ts';

const template = responseTemplate(1024);

/** Answers every call after `spoil` changed the answer; returns what the load generator reports. */
async function loadAgainst(spoil: (answer: Buffer, callNumber: number, socket: Socket) => void): Promise<LoadResult> {
  const server = createServer((socket) => {
    let calls = 0;
    const scanner = new FrameScanner('requests', (bytes, start, contentStart) => {
      const answer = Buffer.from(template.bytes);
      bytes.copy(answer, idAt, start + idAt, start + idAt + 4);
      bytes.copy(answer, template.contentAt, contentStart, contentStart + markBytes);
      spoil(answer, calls++, socket);
      socket.write(answer);
    });
    socket.on('data', (chunk: Buffer) => scanner.scan(chunk));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const args = [join(import.meta.dirname, 'load.ts'), String(port), '2', '4', '0.1'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as LoadResult;
  } finally {
    server.close();
  }
}

const clean = { wrongAnswer: 0, refused: 0, lost: 0, closed: 0 };

describe('bolt load', () => {
  test('counts right answers and no fault', async () => {
    const { requests, p50Us, p99Us, faults } = await loadAgainst(() => {});
    assert.deepEqual(faults, clean);
    assert.ok(requests > 100, `only ${requests} calls`);
    assert.ok(p50Us > 0 && p50Us <= p99Us);
  });

  test("sees another connection's answer", async () => {
    const { faults } = await loadAgainst((answer, call) => {
      if (call === 50) answer.writeUInt32BE(7, template.contentAt);
    });
    assert.deepEqual(faults, { ...clean, wrongAnswer: 2 });
  });

  test('sees an id that nobody waits for, and the call it left unanswered', async () => {
    const { faults } = await loadAgainst((answer, call) => {
      if (call === 50) answer.writeUInt32BE(4_000_000_000, idAt);
    });
    assert.deepEqual(faults, { ...clean, wrongAnswer: 2, lost: 2 });
  });

  test('sees a refusal and a lost connection', async () => {
    const refusing = await loadAgainst((answer, call) => {
      if (call === 50) answer.writeUInt16BE(6, statusAt);
    });
    assert.deepEqual(refusing.faults, { ...clean, refused: 2 });
    const closing = await loadAgainst((_answer, call, socket) => {
      if (call === 50) socket.destroy();
    });
    assert.equal(closing.faults['closed'], 2);
  });
});
