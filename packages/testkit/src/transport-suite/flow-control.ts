import assert from 'node:assert/strict';
import { pattern } from './meeting.ts';
import type { SuiteTest } from './suite.ts';

const watermarks = { highBytes: 96 * 1024, lowBytes: 32 * 1024 };
const chunkBytes = 24 * 1024;
/** More than the systems on both sides take in for a reader that does not read. */
const chunksMax = 4000;

/** A reader that does not read is felt by the writer. */
export function flowControlTests(test: SuiteTest): void {
  test('turns unwritable at the high watermark and tells when it is below the low one', async (meeting) => {
    const { client, server } = await meeting.connect({ watermarks });
    server.call((connection) => connection.pauseReading());
    let lowest: number | undefined;
    client.on.writable = () => (lowest = client.connection.bufferedBytes);
    let chunks = 0;
    while (client.connection.writable && chunks < chunksMax) {
      client.call((connection) => connection.write(pattern(chunkBytes, ++chunks)));
      if (client.connection.writable) {
        assert.ok(client.connection.bufferedBytes < watermarks.highBytes, 'writable above the high watermark');
        await meeting.world.turn();
      }
    }
    assert.ok(!client.connection.writable, 'the writer never felt the reader');
    assert.ok(client.connection.bufferedBytes >= watermarks.highBytes);
    await meeting.world.settle();
    assert.equal(client.count('writable'), client.connection.writable ? 1 : 0);
    server.call((connection) => connection.resumeReading());
    await meeting.world.until(() => server.bytes === chunks * chunkBytes, 'all bytes');
    await meeting.world.until(() => client.connection.writable, 'the writer to go on');
    assert.ok(client.count('writable') >= 1);
    assert.ok(lowest !== undefined && lowest <= watermarks.lowBytes, `${lowest} bytes waited`);
    const sent = Array.from({ length: chunks }, (_, at) => pattern(chunkBytes, at + 1));
    assert.ok(server.received.equals(Buffer.concat(sent)));
  });

  test('never calls onWritable when it never was unwritable', async (meeting) => {
    const { client, server } = await meeting.connect();
    for (let at = 0; at < 10; at++) client.connection.write(pattern(1000, at));
    await meeting.world.until(() => server.bytes === 10_000, 'all bytes');
    await meeting.world.settle();
    assert.equal(client.count('writable'), 0);
  });

  test('delivers nothing while reading is paused', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.call((connection) => connection.pauseReading());
    client.connection.write(Buffer.from('one'));
    await meeting.world.settle();
    assert.equal(server.bytes, 0);
    server.call((connection) => connection.resumeReading());
    await meeting.world.until(() => server.bytes === 3, 'the bytes');
  });

  test('pauses from inside a delivery', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.on.bytes = () => server.connection.pauseReading();
    const sent = pattern(2 * 1024 * 1024);
    client.connection.write(Buffer.from(sent));
    let seen = 0;
    while (seen < sent.length) {
      await meeting.world.until(() => server.bytes > seen, 'more bytes');
      seen = server.bytes;
      await meeting.world.turn();
      assert.equal(server.bytes, seen, 'bytes arrived while reading was paused');
      server.call((connection) => connection.resumeReading());
    }
    assert.ok(server.received.equals(sent));
    server.on = {};
  });

  test('pauses a connection that does not stand yet', async (meeting) => {
    const client = meeting.dial();
    client.call((connection) => connection.pauseReading());
    await meeting.world.until(() => meeting.accepted.length === 1, 'the connection');
    meeting.accepted[0]!.connection.write(Buffer.from('early'));
    await meeting.world.settle();
    assert.equal(client.bytes, 0);
    client.call((connection) => connection.resumeReading());
    await meeting.world.until(() => client.bytes === 5, 'the bytes');
  });
}
