import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '@sofamesh/base/clock';
import type { ManualClock } from '@sofamesh/base/manual-clock';
import type { StreamStatus } from '@sofamesh/contract/message-stream';
import { clientOf, serverOf, TextSink, TextSource } from '../test-support/peers.ts';
import { clusterTypeUrl, endpointsTypeUrl } from '../type-urls.ts';
import { checkNames, GrpcDialer } from './dialer.ts';
import { GrpcServer } from './server.ts';

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('gRPC streams', () => {
  test('ADS runs over them, and the client comes back to a server that was restarted', async () => {
    const source = new TextSource();
    source.set(clusterTypeUrl, { a: '1' });
    source.set(endpointsTypeUrl, { a: 'x'.repeat(8 * 1024 * 1024) });
    const ads = serverOf({ clock: systemClock, resourcesFor: source.resourcesFor });
    const first = new GrpcServer();
    ads.register(first);
    const { port } = await first.listen('127.0.0.1:0');
    const dialer = new GrpcDialer({ targets: [`127.0.0.1:${port}`] });
    const sink = new TextSink([clusterTypeUrl]);
    const client = clientOf({
      clock: systemClock as unknown as ManualClock,
      dialer,
      sink,
      random: { next: () => 0.05 },
    });
    client.subscribe(clusterTypeUrl, undefined);
    client.subscribe(endpointsTypeUrl, ['a']);
    client.start();
    await until(() => sink.applied.length === 2);
    assert.equal(ads.statuses().length, 1);
    assert.equal(sink.state.get(endpointsTypeUrl)?.get('a')?.length, 8 * 1024 * 1024);
    await first.close(0);
    await until(() => !client.connected);
    const second = new GrpcServer();
    ads.register(second);
    source.set(clusterTypeUrl, { a: '2' });
    await second.listen(`127.0.0.1:${port}`);
    await until(() => sink.state.get(clusterTypeUrl)?.get('a') === '2');
    client.stop();
    dialer.close();
    await second.close(1_000);
  });

  test('a refused stream carries its status, a missing server is UNAVAILABLE', async () => {
    const server = new GrpcServer();
    const closed: StreamStatus[] = [];
    server.handle('/test/refuse', (stream) => ({
      onMessage: () => stream.close({ code: 3, message: 'not you' }),
      onClose: () => {},
    }));
    const { port } = await server.listen('127.0.0.1:0');
    const dialer = new GrpcDialer({ targets: [`127.0.0.1:${port}`] });
    dialer.open('/test/refuse', { onMessage() {}, onClose: (status) => closed.push(status) }).send(Buffer.from('x'));
    await until(() => closed.length === 1);
    assert.deepEqual(closed[0], { code: 3, message: 'not you' });
    await server.close(1_000);
    const again = dialer.open('/test/refuse', { onMessage() {}, onClose: (status) => closed.push(status) });
    again.send(Buffer.from('x'));
    await until(() => closed.length === 2);
    assert.equal(closed[1]?.code, 14);
    dialer.close();
  });

  test('a server is known by the names in its certificate, and nothing inside a name counts as one', () => {
    const check = checkNames([
      { type: 'URI', kind: 'exact', value: 'spiffe://a/b' },
      { kind: 'exact', value: 'meshd' },
      { kind: 'regex', value: '.*' },
    ]);
    const passes = (subjectaltname: string | undefined) => check('host', { subjectaltname }) === undefined;
    assert.ok(passes('DNS:other, URI:spiffe://a/b'));
    assert.ok(passes('DNS:meshd'));
    assert.ok(!passes('DNS:meshd.evil, URI:spiffe://a/b/c'));
    assert.ok(!passes('DNS:spiffe://a/b'));
    assert.ok(!passes('DNS:"x, URI:spiffe://a/b, DNS:y"'));
    assert.ok(!passes(undefined));
  });

  test('an address in use is told', async () => {
    const server = new GrpcServer();
    const { port } = await server.listen('127.0.0.1:0');
    const other = new GrpcServer();
    const message = `cannot listen on 127.0.0.1:${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}`;
    await assert.rejects(other.listen(`127.0.0.1:${port}`), { code: 'cannot_listen', message });
    await Promise.all([server.close(0), other.close(0)]);
  });
});
