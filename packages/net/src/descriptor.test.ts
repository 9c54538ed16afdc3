import assert from 'node:assert/strict';
import { createServer, Socket } from 'node:net';
import { describe, test } from 'node:test';
import {
  acceptedDescriptorsMax,
  carrierOf,
  descriptorLimit,
  descriptorOf,
  readingInto,
  stopReading,
} from './descriptor.ts';

describe('descriptors', () => {
  test('the limit of this process is known on Linux', { skip: process.platform !== 'linux' && 'Linux only' }, () => {
    const limit = descriptorLimit();
    assert.ok(limit !== undefined && limit >= 64, `${limit}`);
  });

  test('some are kept for other things than accepted connections', () => {
    for (const [limit, accepted] of [
      [256, 240],
      [1024, 992],
      [1_048_576, 1_048_064],
    ] as const) {
      assert.equal(acceptedDescriptorsMax(limit), accepted);
    }
    assert.ok(acceptedDescriptorsMax() > 0);
  });

  test('a socket without a handle has none, and nothing can be done to it', () => {
    const socket = new Socket();
    assert.equal(descriptorOf(socket), undefined);
    assert.equal(stopReading(socket), false);
    assert.equal(readingInto(socket, { buffer: Buffer.alloc(1), callback: () => true }), undefined);
    assert.equal(carrierOf(socket as never), socket);
  });

  test('this Node offers what is used of its sockets', {
    skip: process.platform === 'win32' && 'no descriptors',
  }, async () => {
    let told = '';
    const server = createServer({ pauseOnConnect: true }, (accepted) => {
      assert.ok(descriptorOf(accepted)! > 2);
      const buffer = Buffer.alloc(16);
      const callback = (bytes: number) => {
        told = buffer.toString('latin1', 0, bytes);
        assert.ok(stopReading(socket));
        socket.destroy();
        return true;
      };
      const socket = readingInto(accepted, { buffer, callback })!;
      assert.equal(descriptorOf(accepted), undefined);
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = new Socket().connect(server.address() as { port: number });
    client.write('hello');
    await new Promise((resolve) => client.resume().on('close', resolve));
    server.close();
    assert.equal(told, 'hello');
  });
});
