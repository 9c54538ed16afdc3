import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { LoadResult } from '../load.ts';
import { type RpcProtocol, rpcFormats } from './formats.ts';
import { markBytes } from './frame.ts';
import { FrameScanner } from './frame-scanner.ts';

type Spoil = (answer: Buffer, callNumber: number, socket: Socket) => void;

/** Answers every call after `spoil` changed the answer; returns what the load generator reports. */
async function loadAgainst(protocol: RpcProtocol, spoil: Spoil, ...pace: number[]): Promise<LoadResult> {
  const { request, response, idAt, idBytes } = rpcFormats[protocol];
  const server = createServer((socket) => {
    let calls = 0;
    const scanner = new FrameScanner(request, (bytes, start) => {
      const answer = Buffer.from(response.template);
      const content = start + request.contentAt;
      bytes.copy(answer, idAt, start + idAt, start + idAt + idBytes);
      bytes.copy(answer, response.contentAt, content, content + markBytes);
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
    const args = [port, 2, 4, 0.1, ...pace].map(String);
    const program = join(import.meta.dirname, 'load.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [program, protocol, ...args]);
    return JSON.parse(stdout) as LoadResult;
  } finally {
    server.close();
  }
}

const clean = { wrongAnswer: 0, refused: 0, lost: 0, closed: 0, unsent: 0 };
/** What makes an answer of each protocol a refusal. */
const refusals: Record<RpcProtocol, (answer: Buffer) => void> = {
  bolt: (answer) => answer.writeUInt16BE(6, 10),
  dubbo: (answer) => answer.writeUInt8(60, 3),
};

for (const protocol of ['bolt', 'dubbo'] as const) {
  const { response, writeId } = rpcFormats[protocol];

  describe(`load of ${protocol}`, () => {
    test('counts right answers and no fault', async () => {
      const { requests, p50Us, p99Us, faults } = await loadAgainst(protocol, () => {});
      assert.deepEqual(faults, clean);
      assert.ok(requests >= 8, `only ${requests} calls`);
      assert.ok(p50Us > 0 && p50Us <= p99Us);
    });

    test('keeps a pace', async () => {
      const { requests, faults } = await loadAgainst(protocol, () => {}, 1_000);
      assert.deepEqual(faults, clean);
      assert.ok(requests >= 1 && requests <= 101, `${requests} calls in 0.1 s`);
    });

    test("sees another connection's answer", async () => {
      const { faults } = await loadAgainst(protocol, (answer, call) => {
        if (call === 3) answer.writeUInt32BE(7, response.contentAt);
      });
      assert.deepEqual(faults, { ...clean, wrongAnswer: 2 });
    });

    // It takes the load's whole patience.
    test('sees an id that nobody waits for, and the call it left unanswered', {
      skip: protocol !== 'bolt',
    }, async () => {
      const { faults } = await loadAgainst(protocol, (answer, call) => {
        if (call === 3) writeId(answer, 0, 4_000_000_000);
      });
      assert.deepEqual(faults, { ...clean, wrongAnswer: 2, lost: 2 });
    });

    test('sees a refusal and a lost connection', async () => {
      const refusing = await loadAgainst(protocol, (answer, call) => {
        if (call === 3) refusals[protocol](answer);
      });
      assert.deepEqual(refusing.faults, { ...clean, refused: 2 });
      const closing = await loadAgainst(protocol, (_answer, call, socket) => {
        if (call === 3) socket.destroy();
      });
      assert.equal(closing.faults['closed'], 2);
    });
  });
}
