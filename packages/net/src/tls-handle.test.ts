import assert from 'node:assert/strict';
import { connect as connectTcp, createServer, Socket } from 'node:net';
import { describe, test } from 'node:test';
import { type TLSSocket, TLSSocket as TlsSocket } from 'node:tls';
import { TlsHandle } from './tls-handle.ts';

const onread = { buffer: Buffer.alloc(16), callback: () => true };

describe('the handle under a TLS socket', () => {
  test('is not had of what is no TLS socket, which is left as it was', async () => {
    assert.equal(TlsHandle.of(new Socket() as TLSSocket, onread), undefined);
    const server = createServer((accepted) => accepted.on('error', () => {}).resume()).listen(0, '127.0.0.1');
    const client = connectTcp((await listening(server)) as { port: number; address: string });
    await new Promise((resolve) => client.once('connect', resolve));
    const before = Object.getOwnPropertySymbols(client).map((symbol) => Reflect.get(client, symbol) as unknown);
    assert.equal(TlsHandle.of(client as TLSSocket, onread), undefined);
    const after = Object.getOwnPropertySymbols(client).map((symbol) => Reflect.get(client, symbol) as unknown);
    assert.deepEqual(after, before);
    client.destroy();
    server.close();
  });

  test('this Node offers it', async () => {
    const server = createServer((accepted) => accepted.on('error', () => {}).resume()).listen(0, '127.0.0.1');
    const carrier = connectTcp((await listening(server)) as { port: number; address: string });
    await new Promise((resolve) => carrier.once('connect', resolve));
    const socket = new TlsSocket(carrier, {}).on('error', () => {});
    assert.ok(TlsHandle.of(socket, onread) !== undefined);
    socket.destroy();
    server.close();
  });
});

async function listening(server: ReturnType<typeof createServer>): Promise<unknown> {
  await new Promise((resolve) => server.once('listening', resolve));
  return server.address();
}
