import assert from 'node:assert/strict';
import { pattern } from './meeting.ts';
import type { Recorder } from './recorder.ts';
import type { SuiteTest } from './suite.ts';

const bulkBytes = 1024 * 1024;

/** How connections end, and that they end once. */
export function closingTests(test: SuiteTest): void {
  for (const first of ['client', 'server'] as const) {
    test(`half-closes when the ${first} ends first`, async (meeting) => {
      const pair = await meeting.connect();
      const ender = pair[first];
      const other = first === 'client' ? pair.server : pair.client;
      other.answersEnd = false;
      const told = () => ender.told.filter((what) => what !== 'connect' && what !== 'writable');
      ender.call((connection) => {
        connection.write(pattern(bulkBytes));
        connection.end();
        connection.write(Buffer.from('too late'));
      });
      await meeting.world.until(() => other.count('end') === 1, 'the end');
      assert.ok(other.received.equals(pattern(bulkBytes)));
      assert.deepEqual(told(), [], 'the other side is still open');
      other.call((connection) => connection.write(Buffer.from('still here')));
      await meeting.world.until(() => ender.bytes === 10, 'bytes against the closed direction');
      other.call((connection) => connection.end());
      await meeting.allClosed();
      assert.deepEqual(told(), ['bytes', 'end', 'close']);
      assert.deepEqual([ender.cause!.kind, other.cause!.kind], ['closed', 'closed']);
    });
  }

  test('flushes: everything arrives, then the end', async (meeting) => {
    const { client, server } = await meeting.connect();
    client.call((connection) => {
      connection.write(pattern(bulkBytes));
      connection.close('flush');
      connection.write(Buffer.from('too late'));
    });
    await meeting.allClosed();
    assert.ok(server.received.equals(pattern(bulkBytes)));
    assert.deepEqual(server.told, ['bytes', 'end', 'close']);
    assert.deepEqual([client.cause!.kind, server.cause!.kind], ['closed', 'closed']);
  });

  test('flushes from the moment before the connection stands', async (meeting) => {
    const client = meeting.dial();
    client.call((connection) => {
      connection.write(Buffer.from('last words'));
      connection.close('flush');
    });
    await meeting.world.until(() => meeting.accepted[0]?.closed === true && client.closed, 'both ends to close');
    assert.equal(meeting.accepted[0]!.received.toString(), 'last words');
    assert.equal(client.cause!.kind, 'closed');
  });

  test('flushes over bytes that it does not want any more', async (meeting) => {
    const { client, server } = await meeting.connect();
    client.call((connection) => connection.pauseReading());
    server.connection.write(pattern(bulkBytes / 4));
    await meeting.world.settle();
    client.call((connection) => {
      connection.write(pattern(bulkBytes));
      connection.close('flush');
    });
    await meeting.allClosed();
    assert.ok(server.received.equals(pattern(bulkBytes)), 'a reset overtook what was written');
    assert.equal(client.bytes, 0);
  });

  test('flushes to a slow reader, over bytes that it does not want any more', async (meeting) => {
    const { client, server } = await meeting.connect();
    for (const end of [client, server]) end.call((connection) => connection.pauseReading());
    server.connection.write(pattern(20_000));
    await meeting.world.settle();
    client.call((connection) => {
      connection.write(pattern(30_000));
      connection.close('flush');
    });
    await meeting.world.until(() => client.closed, 'the grace to end');
    server.call((connection) => connection.resumeReading());
    await meeting.world.until(() => server.closed, 'the reader');
    assert.ok(server.received.equals(pattern(30_000)), 'a reset took what had not been read');
    assert.equal(server.cause!.kind, 'closed');
  });

  test('gives up flushing when the peer never ends', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.answersEnd = false;
    client.call((connection) => {
      connection.write(Buffer.from('bye'));
      connection.close('flush');
    });
    await meeting.world.until(() => client.closed, 'the grace to end');
    assert.equal(server.received.toString(), 'bye');
    assert.equal(client.cause!.timedOut, true);
  });

  test('gives up when the peer never ends, this side having ended before', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.answersEnd = false;
    client.call((connection) => {
      connection.write(Buffer.from('bye'));
      connection.end();
    });
    await meeting.world.until(() => server.count('end') === 1, 'the end');
    client.call((connection) => connection.close('flush'));
    await meeting.world.until(() => client.closed, 'the grace to end');
    assert.equal(client.cause!.timedOut, true);
  });

  test('flushes and waits as long as the connection says, and for nothing where that is no time', async (meeting) => {
    for (const [closeGraceMs, bytes] of [
      [100, 100],
      [0, bulkBytes],
    ] as const) {
      const { client, server } = await meeting.connect();
      server.answersEnd = false;
      client.call((connection) => {
        connection.closeGraceMs = closeGraceMs;
        connection.write(pattern(bytes));
        connection.close('flush');
      });
      await meeting.world.until(() => client.closed && server.count('end') === 1, 'the end of a short grace');
      assert.ok(server.received.equals(pattern(bytes)));
      assert.deepEqual([client.cause!.kind, client.cause!.timedOut === true], ['closed', closeGraceMs > 0]);
    }
  });

  test('gives up flushing when the peer takes nothing', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.call((connection) => connection.pauseReading());
    const chunk = pattern(bulkBytes);
    client.call((connection) => {
      for (let at = 0; at < 24; at++) connection.write(chunk);
      connection.close('flush');
    });
    await meeting.world.until(() => client.closed, 'the grace to end');
    assert.equal(client.cause!.timedOut, true);
    server.call((connection) => connection.resumeReading());
    await meeting.world.until(() => server.closed, 'the peer to notice');
    if (meeting.world.resets) assert.equal(server.cause!.kind, 'reset', 'a part must not look like the whole');
  });

  test('closes now: what waits is dropped', async (meeting) => {
    const { client, server } = await meeting.connect();
    client.call((connection) => {
      connection.write(Buffer.from('never leaves'));
      connection.close('now');
      assert.equal(connection.bufferedBytes, 0);
    });
    assert.ok(!client.closed, 'onClose comes in a later turn');
    await meeting.allClosed();
    assert.equal(server.bytes, 0);
    assert.equal(client.cause!.kind, 'closed');
  });

  test('resets: the peer sees a reset', async (meeting) => {
    const { client, server } = await meeting.connect();
    client.call((connection) => connection.close('reset'));
    await meeting.allClosed();
    assert.equal(client.cause!.kind, 'closed');
    assert.equal(server.cause!.kind, meeting.world.resets ? 'reset' : 'closed');
  });

  test('resets after it had ended its side', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.answersEnd = false;
    client.call((connection) => connection.end());
    await meeting.world.until(() => server.count('end') === 1, 'the end');
    client.call((connection) => connection.close('reset'));
    await meeting.world.until(() => client.closed, 'the close');
    // Whether or not a reset is seen without writing depends on the system; writing finds out.
    for (let at = 0; at < 100 && !server.closed; at++) {
      server.call((connection) => connection.write(Buffer.from('anyone?')));
      await meeting.world.turn();
    }
    await meeting.world.until(() => server.closed, 'the peer to notice');
  });

  for (const how of ['flush', 'now', 'reset'] as const) {
    test(`closes once, whatever is called (${how} first)`, async (meeting) => {
      const { client } = await meeting.connect();
      client.call((connection) => connection.close(how));
      client.call((connection) => connection.close('now'));
      client.call((connection) => connection.close('reset'));
      client.call((connection) => connection.close('flush'));
      await meeting.allClosed();
      useless(client);
      await meeting.world.settle();
      assert.equal(client.count('close'), 1);
    });
  }

  test('does nothing after the close', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.call((connection) => connection.close('now'));
    await meeting.allClosed();
    const sent = client.connection.bytesSent;
    useless(client);
    useless(server);
    await meeting.world.settle();
    assert.equal(client.connection.bufferedBytes, 0);
    assert.equal(client.connection.bytesSent, sent);
  });

  test('closes from inside onBytes', async (meeting) => {
    const { client, server } = await meeting.connect();
    server.on.bytes = () => server.call((connection) => connection.close('now'));
    client.connection.write(pattern(bulkBytes));
    await meeting.allClosed();
    assert.deepEqual(server.told, ['bytes', 'close']);
  });

  test('closes from inside onConnect', async (meeting) => {
    const client = meeting.dial();
    client.on.connect = () => client.call((connection) => connection.close('now'));
    await meeting.world.until(() => client.closed, 'the close');
    assert.deepEqual(client.told, ['connect', 'close']);
  });
}

function useless(end: Recorder): void {
  end.call((connection) => {
    connection.write(Buffer.from('x'));
    connection.pauseReading();
    connection.resumeReading();
    connection.end();
    connection.close('flush');
    assert.equal(connection.detach(), undefined);
  });
}
