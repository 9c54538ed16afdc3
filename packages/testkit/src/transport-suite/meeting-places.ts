import assert from 'node:assert/strict';
import { CodedError } from '@sofamesh/base/errors';
import { Meeting } from './meeting.ts';
import { Recorder } from './recorder.ts';
import type { SuiteTest } from './suite.ts';

/** Listening and dialling, and what goes wrong there. */
export function meetingPlaceTests(test: SuiteTest): void {
  test('tells that nobody listens', async (meeting) => {
    const client = meeting.dial({ address: await meeting.world.refusingAddress() });
    client.call((connection) => connection.write(Buffer.from('lost')));
    assert.ok(!client.closed);
    await meeting.world.until(() => client.closed, 'the refusal');
    assert.equal(client.cause!.kind, 'connect-failed');
    assert.match(client.cause!.reason, /^E[A-Z]+$/);
    assert.deepEqual(client.told, ['close']);
    assert.equal(client.connection.bufferedBytes, 0);
  });

  test('gives up on a peer that says nothing', async (meeting, context) => {
    const address = await meeting.world.silentAddress();
    if (address === undefined) return context.skip('this world has no silent address');
    const client = meeting.dial({ address, connectTimeoutMs: 60 });
    await meeting.world.until(() => client.closed, 'the timeout');
    assert.equal(client.cause!.kind, 'connect-timeout');
    assert.deepEqual(client.told, ['close']);
  });

  test('fails for an address that is none', async (meeting) => {
    const client = meeting.dial({ address: { kind: 'ip', host: 'not an address', port: 80 } });
    await meeting.world.until(() => client.closed, 'the failure');
    assert.equal(client.cause!.kind, 'connect-failed');
  });

  for (const how of ['flush', 'now', 'reset'] as const) {
    test(`abandons a dial (${how})`, async (meeting) => {
      const client = meeting.dial();
      client.call((connection) => connection.close(how));
      assert.ok(!client.closed, 'onClose comes in a later turn');
      await meeting.world.until(() => client.closed, 'the close');
      assert.deepEqual(client.told, ['close']);
      assert.equal(client.cause!.kind, 'closed');
      await meeting.world.settle();
      await meeting.world.until(() => meeting.accepted.every(({ closed }) => closed), 'an accepted end to notice');
    });
  }

  test('refuses to listen where somebody listens', async (meeting) => {
    const again = Meeting.open(meeting.world, { address: meeting.listener.address });
    await assert.rejects(again, (error) => error instanceof CodedError && error.code === 'EADDRINUSE');
  });

  test('stops accepting while connections go on, and frees the address', async (meeting) => {
    const { client, server } = await meeting.connect();
    await meeting.listener.close();
    client.connection.write(Buffer.from('still here'));
    await meeting.world.until(() => server.bytes === 10, 'the bytes');
    const late = meeting.dial();
    await meeting.world.until(() => late.closed, 'the refusal');
    assert.equal(late.cause!.kind, 'connect-failed');
    await meeting.listener.close();
    const again = await Meeting.open(meeting.world, { address: meeting.listener.address });
    await again.connect();
    await again.finish();
  });

  test('gives every connection an id of its own', async (meeting) => {
    const ids = new Set<number>();
    for (let at = 0; at < 5; at++) {
      const { client, server } = await meeting.connect();
      ids.add(client.connection.id).add(server.connection.id);
    }
    assert.equal(ids.size, 10);
  });

  for (const where of ['connect', 'bytes', 'end', 'close'] as const) {
    test(`a handler that throws in on${where} hurts its own connection only`, async (meeting) => {
      const fine = await meeting.connect();
      const client = new Recorder();
      client.on[where] = () => {
        throw new Error('broken handler');
      };
      meeting.dial({}, client);
      await meeting.world.until(() => meeting.accepted.length === 2 || client.closed, 'the connection');
      const server = meeting.accepted[1];
      if (where === 'bytes') server?.connection.write(Buffer.from('x'));
      if (where === 'end') server?.connection.end();
      if (where === 'close') {
        server?.connection.close('now');
        await meeting.world.until(() => client.count('close') === 1, 'the close');
        client.cause = { kind: 'closed', reason: 'told, and threw' };
      }
      await meeting.world.until(() => client.closed, 'the broken one to close');
      await meeting.world.until(() => meeting.accepted[1]?.closed !== false, 'its peer to notice');
      if (where !== 'close') assert.match(client.cause!.reason, /broken handler/);
      assert.equal(client.count('close'), 1);
      client.on = {};
      fine.client.connection.write(Buffer.from('unharmed'));
      await meeting.world.until(() => fine.server.bytes === 8, 'the other connection');
    });
  }

  test('closes an accepted connection that nobody handles, and goes on', async ({ world }) => {
    let handled = 0;
    const listener = await world.listening.listen({ address: world.freshAddress() }, () => {
      if (++handled === 2) throw new Error('broken listener');
    });
    const meeting = await Meeting.open(world);
    for (const _ of ['no handler', 'throws']) {
      const client = meeting.dial({ address: listener.address });
      await world.until(() => client.closed, 'the close');
    }
    assert.equal(handled, 2);
    await listener.close();
    await meeting.finish();
  });
}
