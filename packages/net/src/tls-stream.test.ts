import assert from 'node:assert/strict';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { after, afterEach, describe, test } from 'node:test';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { IpAddress } from '@sofamesh/base/address';
import type { ServerTls } from '@sofamesh/contract/transport';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { pattern } from '@sofamesh/testkit/transport-suite/meeting';
import { abandonMeetings, meet, nodeWorld, until } from './test-support/node-world.ts';

afterEach(abandonMeetings);

describe('an established TLS socket', { skip: certificatesMissing }, () => {
  const authority = certificatesMissing === false ? new TestAuthority() : (undefined as never);
  after(() => authority?.dispose());
  const certificate = certificatesMissing === false ? authority.issue(['DNS:server.test']) : (undefined as never);
  const server: ServerTls = { certificates: [certificate] };

  const open = async () => meet(await nodeWorld('127.0.0.1', { server, client: {} }));

  /** A client of Node's own on a connection of its own, when the handshake is done. */
  async function stranger(address: unknown, options: { maxVersion?: 'TLSv1.2' } = {}): Promise<[TLSSocket, Socket]> {
    const { host, port } = address as IpAddress;
    const carrier = connectTcp({ host, port, noDelay: true });
    const client = connectTls({ socket: carrier, rejectUnauthorized: false, ...options });
    client.on('error', () => {});
    await new Promise((resolve) => client.once('secureConnect', resolve));
    return [client, carrier];
  }

  test('holds back records of one read, and the end after them, while it is paused', async () => {
    const meeting = await open();
    const [client] = await stranger(meeting.listener.address);
    await until(() => meeting.accepted.length === 1, 'the connection');
    const end = meeting.accepted[0]!;
    end.on.bytes = () => end.connection.pauseReading();
    const sent = pattern(6000);
    client.setMaxSendFragment(512);
    client.end(sent);
    for (let seen = 0, rounds = 0; seen < sent.length; rounds++) {
      await until(() => end.bytes > seen, 'more bytes');
      seen = end.bytes;
      assert.equal(seen, Math.min(512 * (rounds + 1), sent.length), 'one record at a time');
      await meeting.world.settle();
      assert.equal(end.bytes, seen, 'bytes arrived while reading was paused');
      if (seen < sent.length) assert.equal(end.count('end'), 0, 'the end came before the bytes');
      end.call((connection) => connection.resumeReading());
    }
    await until(() => end.count('end') === 1, 'the end');
    assert.ok(end.received.equals(sent));
    client.destroy();
    await until(() => end.closed, 'the close');
    await meeting.finish();
  });

  test('resumed and paused in turns it delivers each byte once', async () => {
    const meeting = await open();
    const [client] = await stranger(meeting.listener.address);
    await until(() => meeting.accepted.length === 1, 'the connection');
    const end = meeting.accepted[0]!;
    const sent = pattern(60_000);
    client.setMaxSendFragment(512);
    client.write(sent);
    while (end.bytes < sent.length) {
      end.call((connection) => {
        connection.pauseReading();
        connection.resumeReading();
        connection.pauseReading();
        connection.resumeReading();
      });
      await meeting.world.turn();
    }
    assert.ok(end.received.equals(sent));
    client.destroy();
    await until(() => end.closed, 'the close');
    await meeting.finish();
  });

  test('counts what the system has not taken, and tells what was sent', async () => {
    const meeting = await open();
    const [client, carrier] = await stranger(meeting.listener.address);
    client.pause();
    carrier.pause();
    await until(() => meeting.accepted.length === 1, 'the connection');
    const { connection } = meeting.accepted[0]!;
    let written = 0;
    while (connection.writable) {
      connection.write(pattern(50_000, written + 1));
      written += 50_000;
      await meeting.world.turn();
      assert.equal(connection.bytesSent + connection.bufferedBytes, written);
    }
    client.resume();
    await until(() => connection.bufferedBytes === 0, 'all to be taken');
    assert.equal(connection.bytesSent, written);
    client.destroy();
    await until(() => meeting.accepted[0]!.closed, 'the close');
    await meeting.finish();
  });

  for (const paused of [false, true]) {
    test(`tells of a peer that is gone ${paused ? 'though it is not read' : 'while it is read'}`, async () => {
      const meeting = await open();
      const [client, carrier] = await stranger(meeting.listener.address);
      client.pause();
      await until(() => meeting.accepted.length === 1, 'the connection');
      const end = meeting.accepted[0]!;
      if (paused) end.call((connection) => connection.pauseReading());
      const { connection } = end;
      // Up to one that the system does not take: nothing waits behind it, and nobody waits for it.
      for (let written = 0; connection.bufferedBytes === 0; written += 64 * 1024) {
        assert.ok(written < 64 * 1024 * 1024, 'everything was taken');
        connection.write(Buffer.alloc(64 * 1024));
        for (let turns = 0; connection.bufferedBytes > 0 && turns < 10; turns++) await meeting.world.turn();
      }
      assert.equal(connection.bufferedBytes, 64 * 1024);
      assert.ok(connection.writable);
      carrier.resetAndDestroy();
      await until(() => end.closed, 'the close');
      assert.equal(end.cause!.kind, 'reset');
      await meeting.finish();
    });
  }

  test('nonsense after the handshake ends the connection and nothing else', async () => {
    const meeting = await open();
    const [, carrier] = await stranger(meeting.listener.address);
    await until(() => meeting.accepted.length === 1, 'the connection');
    const end = meeting.accepted[0]!;
    carrier.write(Buffer.from('170303001400112233445566778899aabbccddeeff00112233', 'hex'));
    end.connection.write(Buffer.from('in vain'));
    await until(() => end.closed, 'the close');
    assert.equal(end.cause!.kind, 'tls-failed');
    carrier.destroy();
    await meeting.connect();
    await meeting.finish();
  });

  test('a server that wants to negotiate anew is refused', async () => {
    let renegotiated: Error | null | undefined;
    const pair = { key: certificate.privateKeyPem, cert: certificate.chainPem };
    const other = createTlsServer({ ...pair, maxVersion: 'TLSv1.2' }, (socket) => {
      socket.on('error', (error) => (renegotiated = error));
      socket.on('data', () => socket.renegotiate({}, (error) => (renegotiated = error)));
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const meeting = await open();
    const { port } = other.address() as { port: number };
    const client = meeting.dial({ address: { kind: 'ip', host: '127.0.0.1', port } });
    await until(() => client.count('connect') === 1, 'the connection');
    client.connection.write(Buffer.from('anything'));
    await until(() => renegotiated !== undefined, 'the refusal');
    assert.ok(renegotiated instanceof Error, 'negotiated anew');
    await until(() => client.closed, 'the close');
    other.close();
    await meeting.finish();
  });

  test('bytes behind a hello that OpenSSL refuses do no harm', async () => {
    const meeting = await open();
    const { host, port } = meeting.listener.address as IpAddress;
    const { promise: hello, resolve } = Promise.withResolvers<Buffer>();
    const catcher = createServer((socket) => socket.once('data', (chunk: Buffer) => resolve(chunk)));
    await new Promise<void>((listening) => catcher.listen(0, '127.0.0.1', listening));
    // A suite that the server does not have, and a hello of several pieces.
    const victim = connectTls({
      host: '127.0.0.1',
      port: (catcher.address() as { port: number }).port,
      maxVersion: 'TLSv1.2',
      ciphers: 'AES128-SHA:DHE-RSA-AES128-SHA@SECLEVEL=0',
      ALPNProtocols: Array.from({ length: 60 }, (_, at) => `${'long-protocol-name-'.repeat(3)}${at}`),
    });
    victim.on('error', () => {});
    const refused = await hello;
    assert.ok(refused.length > 3000);
    victim.destroy();
    catcher.close();
    const attacker = connectTcp({ host, port });
    attacker.on('error', () => {}).resume();
    attacker.write(Buffer.concat([refused, Buffer.alloc(9000, 0x16)]));
    await until(() => meeting.tlsFailures.length === 1, 'the failure');
    assert.match(meeting.tlsFailures[0]!.reason, /NO_SHARED_CIPHER|NO_SUITABLE/);
    attacker.destroy();
    await meeting.connect();
    await meeting.finish();
  });
});
