import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { unshiftInPieces } from './hello-pieces.ts';

function readAll(socket: Socket): Buffer[] {
  const pieces: Buffer[] = [];
  for (let piece = socket.read(); piece !== null; piece = socket.read()) pieces.push(piece as Buffer);
  return pieces;
}

describe('a hello in pieces', () => {
  test('is read a little at a time, in order, and then as any socket', () => {
    for (const size of [1, 999, 1000, 1001, 1600, 16_000]) {
      const socket = new Socket();
      const hello = Buffer.alloc(size).map((_, at) => at % 251) as Buffer;
      unshiftInPieces(socket, hello);
      assert.ok(socket.readableLength > 0);
      const pieces = readAll(socket);
      assert.ok(pieces.every(({ length }) => length > 0 && length < 1024));
      assert.ok(Buffer.concat(pieces).equals(hello));
      socket.unshift(Buffer.from('more'));
      assert.equal(String(socket.read(3)), 'mor');
      assert.equal(Buffer.concat(readAll(socket)).toString(), 'e');
    }
  });

  test('ends with its socket', () => {
    const socket = new Socket();
    unshiftInPieces(socket, Buffer.alloc(5000));
    assert.equal((socket.read() as Buffer).length, 1000);
    socket.destroy();
    assert.equal(socket.read(), null);
  });
});
