import assert from 'node:assert/strict';
import { pattern } from './meeting.ts';
import type { SuiteTest } from './suite.ts';

/** What is written arrives, once, in order, and stays as it is. */
export function byteTests(test: SuiteTest): void {
  test('echoes, and both ends know each other', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.on.bytes = () => server.connection.write(Buffer.from(server.chunks.at(-1)!));
    client.call((connection) => connection.write(Buffer.from('hello')));
    await meeting.world.until(() => client.bytes === 5, 'the echo');
    assert.equal(client.received.toString(), 'hello');
    assert.equal(client.count('connect'), 1);
    assert.equal(server.count('connect'), 0, 'an accepted connection is not told that it is connected');
    assert.deepEqual(client.connection.remote, meeting.listener.address);
    assert.deepEqual(client.connection.local, server.connection.remote);
    assert.deepEqual(
      [client.connection.bytesSent, client.connection.bytesReceived, client.connection.bufferedBytes],
      [5, 5, 0],
    );
    assert.notEqual(client.connection.id, server.connection.id);
  });

  test('keeps many writes of all sizes in order, both ways at once', async (meeting) => {
    const { client, server } = await meeting.connect();
    const bytes = 1024 * 1024;
    const sent = [pattern(bytes, 1), pattern(bytes, 2)] as const;
    for (const [at, end] of [client, server].entries()) {
      for (let from = 0, size = 1; from < bytes; from += size, size = (size * 7 + 3) % 90_001 || 1) {
        end.call((connection) => connection.write(Buffer.from(sent[at]!.subarray(from, from + size))));
      }
    }
    await meeting.world.until(() => client.bytes >= bytes && server.bytes >= bytes, 'all bytes');
    assert.ok(server.received.equals(sent[0]));
    assert.ok(client.received.equals(sent[1]));
    assert.equal(client.connection.bytesSent, bytes);
  });

  test('passes chunks on that carry the next ones as soon as they are taken', async (meeting) => {
    const { client, server } = await meeting.connect();
    const passOn = (chunk: Buffer) => {
      if (server.connection.passOn === undefined) server.connection.write(chunk);
      else server.connection.passOn(chunk);
    };
    const bytes = 3 * 1024 * 1024;
    server.on.bytes = () => passOn(server.give());
    const sent = pattern(bytes, 1);
    for (let from = 0, size = 1; from < bytes; from += size, size = (size * 7 + 3) % 190_001 || 1) {
      client.call((connection) => connection.write(Buffer.from(sent.subarray(from, from + size))));
    }
    await meeting.world.until(() => client.bytes >= bytes, 'the echo');
    assert.ok(client.received.equals(sent));
    assert.equal(server.connection.bytesSent, bytes);
  });

  test('sends what was written before the connection stood', async (meeting) => {
    const client = meeting.dial();
    client.call((connection) => {
      connection.write(Buffer.from('early '));
      connection.write(Buffer.from('bird'));
    });
    assert.equal(client.connection.bufferedBytes, 10);
    await meeting.world.until(() => meeting.accepted[0]?.bytes === 10, 'the bytes');
    assert.equal(meeting.accepted[0]!.received.toString(), 'early bird');
  });

  test('sends what was written and ended before the connection stood', async (meeting) => {
    const client = meeting.dial();
    client.call((connection) => {
      connection.write(Buffer.from('all'));
      connection.end();
    });
    await meeting.allClosed();
    assert.deepEqual(meeting.accepted[0]!.told, ['bytes', 'end', 'close']);
    assert.equal(meeting.accepted[0]!.received.toString(), 'all');
    assert.deepEqual(client.told, ['connect', 'end', 'close']);
  });

  test('delivers chunks that belong to the receiver', async (meeting) => {
    const { client, server } = await meeting.connect();
    const sent: Buffer[] = [];
    for (let at = 0; at < 200; at++) {
      const chunk = pattern(100 + at * 13, at + 1);
      sent.push(chunk);
      client.connection.write(Buffer.from(chunk));
      await meeting.world.turn();
    }
    const all = Buffer.concat(sent);
    await meeting.world.until(() => server.bytes === all.length, 'all bytes');
    server.check();
    assert.ok(server.received.equals(all));
    const others = server.chunks.slice(1).map((chunk) => Buffer.from(chunk));
    server.chunks.shift()!.fill(0);
    assert.ok(Buffer.concat(server.chunks).equals(Buffer.concat(others)), 'changing one chunk changed another');
    server.chunks.length = 0;
  });

  test('ignores an empty write', async (meeting) => {
    const { client, server } = await meeting.connect();
    client.call((connection) => connection.write(Buffer.alloc(0)));
    client.call((connection) => connection.write(Buffer.from('x')));
    await meeting.world.until(() => server.bytes === 1, 'the byte');
    assert.equal(client.connection.bytesSent, 1);
  });

  test('tells a new handler from the moment it is set', async (meeting) => {
    const { client, server } = await meeting.connect();
    let later = '';
    server.on.bytes = () =>
      server.connection.setHandler({
        onBytes: (chunk) => void (later += chunk.toString()),
        onEnd: () => server.onEnd(),
        onClose: (cause) => server.onClose(cause),
      });
    client.connection.write(Buffer.from('first'));
    await meeting.world.until(() => server.bytes === 5, 'the first bytes');
    client.connection.write(Buffer.from('second'));
    await meeting.world.until(() => later === 'second', 'the second bytes');
    assert.equal(server.received.toString(), 'first');
  });
}
