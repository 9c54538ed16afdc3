import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, formatAddress, ipAddress } from '@sofamesh/base/address';
import type { BoundSocket } from '@sofamesh/contract/datagram';
import { NodeDatagrams } from './datagram.ts';

const datagrams = new NodeDatagrams();

/** Resolves with the next value that is put in. */
function inbox<Value>(): { put: (value: Value) => void; next: () => Promise<Value> } {
  const values: Value[] = [];
  let wake = () => {};
  return {
    put(value) {
      values.push(value);
      wake();
    },
    async next() {
      while (values.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return values.shift()!;
    },
  };
}

for (const host of ['127.0.0.1', '::1']) {
  test(`there and back on ${host}`, async () => {
    const received = inbox<{ text: string; from: Address }>();
    let server: BoundSocket | undefined;
    try {
      server = await datagrams.bind({ address: ipAddress(host, 0) }, (bytes, from) => {
        received.put({ text: bytes.toString(), from });
        server!.send(Buffer.from(`re: ${bytes}`), from);
      });
      const answers = inbox<string>();
      const peer = datagrams.connect(
        { address: server.address },
        { onDatagram: (bytes) => answers.put(bytes.toString()), onError: (code) => answers.put(code) },
      );
      peer.send(Buffer.from('one'));
      peer.send(Buffer.alloc(0));
      const { text, from } = await received.next();
      assert.equal(text, 'one');
      assert.equal(from.kind === 'ip' && from.host, host);
      assert.equal(await answers.next(), 're: one');
      assert.equal(await answers.next(), 're: ');
      peer.close();
      peer.close();
      peer.send(Buffer.from('after'));
    } finally {
      await server?.close();
      await server?.close();
    }
  });
}

test('nobody receives: the peer is told, and nothing throws', async () => {
  const server = await datagrams.bind({ address: ipAddress('127.0.0.1', 0) }, () => {});
  const { address } = server;
  await server.close();
  const errors = inbox<string>();
  const peer = datagrams.connect({ address }, { onDatagram() {}, onError: errors.put });
  peer.send(Buffer.from('x'));
  assert.equal(await errors.next(), 'ECONNREFUSED');
  peer.close();
  const nowhere = datagrams.connect(
    { address: { kind: 'pipe', path: '/x' } },
    { onDatagram() {}, onError: errors.put },
  );
  assert.equal(await errors.next(), 'EINVAL');
  nowhere.close();
});

test('an address is had by one, or by several that share it', async () => {
  const first = await datagrams.bind({ address: ipAddress('127.0.0.1', 0) }, () => {});
  await assert.rejects(
    datagrams.bind({ address: first.address }, () => {}),
    { code: 'EADDRINUSE' },
  );
  await first.close();
  const shared = await datagrams.bind({ address: ipAddress('127.0.0.1', 0), reusePort: true }, () => {});
  const other = await datagrams.bind({ address: shared.address, reusePort: true }, () => {});
  assert.equal(formatAddress(other.address), formatAddress(shared.address));
  await Promise.all([shared.close(), other.close()]);
  await assert.rejects(
    datagrams.bind({ address: ipAddress('localhost', 1) }, () => {}),
    { code: 'EINVAL' },
  );
});

test('a datagram that is too long is lost and told', async () => {
  const failures = inbox<string>();
  const server = await datagrams.bind({ address: ipAddress('127.0.0.1', 0) }, () => {});
  server.send(Buffer.alloc(70_000), server.address, failures.put);
  assert.equal(await failures.next(), 'EMSGSIZE');
  server.send(Buffer.alloc(2 * 1024 * 1024), server.address, failures.put);
  assert.equal(await failures.next(), 'ENOBUFS');
  await server.close();
});
