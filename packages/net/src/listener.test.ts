import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { type Address, ipAddress } from '@sofamesh/base/address';
import type { Connection } from '@sofamesh/contract/transport';
import {
  abandonMeetings,
  ipv6Missing,
  meet,
  nodeWorld,
  quickTransport,
  turn,
  until,
} from './test-support/node-world.ts';

afterEach(abandonMeetings);

const transport = quickTransport();
const loopback = ipAddress('127.0.0.1', 0);
const closeAccepted = (connection: Connection) => {
  connection.setHandler({ onBytes() {}, onEnd() {}, onClose() {} });
  connection.close('now');
};

describe('listen', () => {
  const folder = mkdtempSync(join(tmpdir(), 'listener-'));
  const pipe = (name: string): Address => ({ kind: 'pipe', path: join(folder, name) });
  after(() => rmSync(folder, { recursive: true }));

  test('rejects with the code of the system, or of the address', async () => {
    const cases: readonly [Address, string][] = [
      [ipAddress('192.0.2.77', 0), 'EADDRNOTAVAIL'],
      [ipAddress('localhost', 80), 'EINVAL'],
      [ipAddress('127.0.0.1', 70_000), 'EINVAL'],
      [ipAddress('127.0.0.1', 1.5), 'EINVAL'],
      [{ kind: 'pipe', path: '' }, 'EINVAL'],
      [pipe('no-such-folder/x.sock'), 'EACCES'],
    ];
    for (const [address, code] of cases) {
      await assert.rejects(transport.listen({ address }, closeAccepted), { code });
    }
  });

  test('probe finds out whether somebody listens, even one who shares', async () => {
    const listener = await transport.listen({ address: loopback, reusePort: true }, closeAccepted);
    await assert.rejects(transport.probe(listener.address), { name: 'CodedError', code: 'EADDRINUSE' });
    await listener.close();
    await transport.probe(listener.address);
    await transport.probe(listener.address);
  });

  test('reusePort lets several listen on one address', async () => {
    const first = await transport.listen({ address: loopback, reusePort: true }, closeAccepted);
    const second = await quickTransport().listen({ address: first.address, reusePort: true }, closeAccepted);
    assert.deepEqual(second.address, first.address);
    await Promise.all([first.close(), second.close()]);
  });

  test('an IPv6 wildcard leaves the port free for IPv4', { skip: ipv6Missing }, async () => {
    const six = await transport.listen({ address: ipAddress('::', 0) }, closeAccepted);
    const { port } = six.address as { port: number };
    const four = await transport.listen({ address: ipAddress('0.0.0.0', port) }, closeAccepted);
    await Promise.all([six.close(), four.close()]);
  });

  test('an IPv6 wildcard with ipv4Compat takes both families, and tells IPv4 peers as such', {
    skip: ipv6Missing,
  }, async () => {
    const accepted: Connection[] = [];
    const address = { ...ipAddress('::', 0), ipv4Compat: true };
    const listener = await transport.listen({ address }, (connection) => {
      accepted.push(connection);
      closeAccepted(connection);
    });
    assert.ok(listener.address.kind === 'ip');
    const { port } = listener.address;
    for (const host of ['127.0.0.1', '::1']) {
      connect(port, host).on('error', () => {});
      await until(() => accepted.length > 0, 'the connection');
      const { local, remote } = accepted.pop()!;
      assert.deepEqual(local, ipAddress(host, port));
      assert.ok(remote.kind === 'ip' && remote.host === host);
    }
    await listener.close();
  });

  test('a Unix socket has the permissions that its address says', async () => {
    const address: Address = { kind: 'pipe', path: join(folder, 'mode.sock'), mode: 0o620 };
    const listener = await transport.listen({ address }, closeAccepted);
    assert.equal(statSync(address.path).mode & 0o777, 0o620);
    await listener.close();
  });

  test('replaces the Unix socket of a dead process, never one in use or another file', async () => {
    const address = pipe('stale.sock');
    const path = join(folder, 'stale.sock');
    // A second name keeps the file when the first one is removed with its server, as a crash does.
    const crashed = createServer().listen(path);
    await until(() => crashed.listening, 'the server');
    linkSync(path, `${path}.kept`);
    await new Promise((resolve) => crashed.close(resolve));
    linkSync(`${path}.kept`, path);
    const listener = await transport.listen({ address }, closeAccepted);
    await assert.rejects(transport.listen({ address }, closeAccepted), { code: 'EADDRINUSE' });
    await listener.close();
    assert.ok(!existsSync(path), 'the file is removed with its listener');
    writeFileSync(path, 'precious');
    await assert.rejects(transport.listen({ address }, closeAccepted), { code: 'EADDRINUSE' });
    assert.ok(existsSync(path));
  });

  test('listens in the abstract namespace', { skip: process.platform !== 'linux' && 'Linux only' }, async () => {
    const address: Address = { kind: 'pipe', path: `@listener-test-${process.pid}` };
    const meeting = await meet(await nodeWorld('127.0.0.1', undefined), { address });
    assert.deepEqual(meeting.listener.address, address);
    await meeting.connect();
    await meeting.finish();
  });

  test('refuses connections when descriptors run short', async () => {
    const descriptor = openSync('/dev/null', 'r');
    closeSync(descriptor);
    let refused = 0;
    const short = quickTransport({ descriptorsMax: descriptor });
    const listener = await short.listen({ address: loopback, onRefused: () => refused++ }, () => {
      assert.fail('accepted beyond the limit');
    });
    const { port } = listener.address as { port: number };
    let ended = false;
    const client = connect({ host: '127.0.0.1', port })
      .on('error', () => {})
      .on('close', () => (ended = true))
      .resume();
    await until(() => ended && refused === 1, 'the refusal');
    client.destroy();
    await listener.close();
  });

  test('a client that resets before it is accepted is no harm', async () => {
    const meeting = await meet(await nodeWorld('127.0.0.1', undefined));
    const { port } = meeting.listener.address as { port: number };
    for (let at = 0; at < 20; at++) {
      const client = connect({ host: '127.0.0.1', port }, () => client.resetAndDestroy()).on('error', () => {});
      await new Promise((resolve) => client.once('close', resolve));
    }
    await until(() => meeting.accepted.length > 0 && meeting.accepted.every(({ closed }) => closed), 'the resets');
    await meeting.connect();
    await meeting.finish();
  });
});

describe('detach', { skip: process.platform === 'win32' && 'no descriptors' }, () => {
  test('gives away the descriptor with what the system holds, and says no more', async () => {
    const meeting = await meet(await nodeWorld('127.0.0.1', undefined));
    const { client, server } = await meeting.connect();
    server.connection.pauseReading();
    client.connection.write(Buffer.from('for the heir'));
    await until(() => client.connection.bytesSent === 12, 'the write');
    await turn();
    const told = [...server.told];
    const detached = server.connection.detach();
    assert.ok(detached !== undefined);
    assert.equal(server.connection.detach(), undefined);
    const buffer = Buffer.alloc(100);
    assert.equal(buffer.toString('utf8', 0, readSync(detached.fd, buffer)), 'for the heir');
    server.connection.write(Buffer.from('ignored'));
    server.connection.close('now');
    (detached as unknown as { release(): void }).release();
    await until(() => client.closed, 'the descriptor to be closed');
    assert.deepEqual(server.told, told);
    // Nothing more comes of it.
    meeting.accepted.length = 0;
    await meeting.finish();
  });

  test('is refused while bytes wait to be written', async () => {
    const meeting = await meet(await nodeWorld('127.0.0.1', undefined));
    const { server } = await meeting.connect();
    server.connection.write(Buffer.from('waits'));
    assert.equal(server.connection.detach(), undefined);
    await meeting.finish();
  });

  test('is refused for a connection that does not stand', async () => {
    const meeting = await meet(await nodeWorld('127.0.0.1', undefined));
    const client = meeting.dial();
    assert.equal(client.connection.detach(), undefined);
    await meeting.finish();
  });
});
