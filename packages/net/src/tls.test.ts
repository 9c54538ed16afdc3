import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { after, afterEach, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { ClientTls, ServerTls } from '@sofamesh/contract/transport';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import type { Recorder } from '@sofamesh/testkit/transport-suite/index';
import { abandonMeetings, meet, nodeWorld, quickTransport, until } from './test-support/node-world.ts';

afterEach(abandonMeetings);

describe('TLS', { skip: certificatesMissing }, () => {
  const authority = certificatesMissing === false ? new TestAuthority() : (undefined as never);
  const stranger = certificatesMissing === false ? new TestAuthority('stranger') : (undefined as never);
  after(() => {
    authority?.dispose();
    stranger?.dispose();
  });
  const issue = (...names: string[]) => (certificatesMissing === false ? authority.issue(names) : (undefined as never));
  const first = issue('DNS:first.test', 'URI:spiffe://mesh/ns/a/sa/first', 'IP:127.0.0.1', 'IP:2001:db8::1');
  const second = issue('DNS:second.test', 'DNS:*.wild.test');
  const third = issue('DNS:exact.wild.test');
  const serverTls: ServerTls = { certificates: [first, second, third] };
  const clientTls: ClientTls = certificatesMissing === false ? { authorityPem: authority.authorityPem } : {};

  async function handshake(server: ServerTls, client: ClientTls): Promise<Outcome> {
    const failures: string[] = [];
    const meeting = await meet(await nodeWorld('127.0.0.1', { server, client }), {
      onTlsFailure: (reason) => failures.push(reason),
    });
    const dialled = meeting.dial();
    const done = () => dialled.closed || (dialled.count('connect') === 1 && meeting.accepted.length === 1);
    await until(() => done() || failures.length > 0, 'the handshake');
    // The client of TLS 1.3 is through before the server has judged it.
    if (meeting.accepted.length === 0) await until(() => dialled.closed, 'the client to notice');
    await until(() => meeting.accepted.length + failures.length > 0 || !dialled.told.includes('connect'), 'the server');
    await meeting.finish();
    return { dialled, accepted: meeting.accepted[0], failures };
  }

  interface Outcome {
    readonly dialled: Recorder;
    readonly accepted: Recorder | undefined;
    readonly failures: readonly string[];
  }

  test('tells both sides what was agreed', async () => {
    const { dialled, accepted } = await handshake(
      {
        ...serverTls,
        alpn: ['h2', 'http/1.1'],
        clientAuthorityPem: authority.authorityPem,
        requireClientCertificate: true,
      },
      { ...clientTls, serverName: 'First.test', alpn: ['http/1.1', 'h2'], certificate: second },
    );
    assert.deepEqual(dialled.connection.tls, {
      alpn: 'h2',
      serverName: 'first.test',
      version: 'TLSv1.3',
      peerSubjectAltNames: ['DNS:first.test', 'URI:spiffe://mesh/ns/a/sa/first', 'IP:127.0.0.1', 'IP:2001:db8::1'],
    });
    assert.deepEqual(accepted!.connection.tls, {
      alpn: 'h2',
      serverName: 'first.test',
      version: 'TLSv1.3',
      peerSubjectAltNames: ['DNS:second.test', 'DNS:*.wild.test'],
    });
    assert.equal(accepted!.connection.detach(), undefined);
  });

  for (const [serverName, expected] of [
    [undefined, 'first.test'],
    ['127.0.0.1', 'first.test'],
    ['unknown.test', 'first.test'],
    ['second.test', 'second.test'],
    ['SECOND.test', 'second.test'],
    ['a.wild.test', 'second.test'],
    ['exact.wild.test', 'exact.wild.test'],
    ['a.b.wild.test', 'first.test'],
    ['wild.test', 'first.test'],
  ] as const) {
    test(`shows ${serverName ?? 'no name'} the certificate of ${expected}`, async () => {
      const { dialled } = await handshake(serverTls, {
        ...clientTls,
        ...(serverName === undefined ? {} : { serverName }),
      });
      assert.equal(dialled.connection.tls?.peerSubjectAltNames[0], `DNS:${expected}`);
    });
  }

  test('agrees on nothing where nobody asks for a protocol', async () => {
    const { dialled, accepted } = await handshake({ ...serverTls, alpn: ['h2'] }, clientTls);
    assert.deepEqual([dialled.connection.tls?.alpn, accepted?.connection.tls?.alpn], [undefined, undefined]);
  });

  test('refuses a client that asks for other protocols only', async () => {
    const { dialled, accepted, failures } = await handshake(
      { ...serverTls, alpn: ['h2'] },
      { ...clientTls, alpn: ['x'] },
    );
    assert.equal(dialled.cause!.kind, 'tls-failed');
    assert.deepEqual([accepted, failures.length], [undefined, 1]);
  });

  for (const [minVersion, maxVersion, expected] of [
    [undefined, 'TLSv1.2', 'TLSv1.2'],
    ['TLSv1.3', undefined, 'TLSv1.3'],
  ] as const) {
    test(`speaks ${expected} where it is the only one`, async () => {
      const { dialled } = await handshake(
        { ...serverTls, ...(minVersion && { minVersion }), ...(maxVersion && { maxVersion }) },
        clientTls,
      );
      assert.equal(dialled.connection.tls?.version, expected);
    });
  }

  test('accepts any of the wanted names, by exact value', async () => {
    const wanted = (subjectAltNames: string[]) => handshake(serverTls, { ...clientTls, subjectAltNames });
    assert.equal((await wanted(['other', 'spiffe://mesh/ns/a/sa/first'])).dialled.count('connect'), 1);
    for (const close of [
      'spiffe://mesh/ns/a/sa/firs',
      'SPIFFE://mesh/ns/a/sa/first',
      'URI:spiffe://mesh/ns/a/sa/first',
    ]) {
      const { dialled } = await wanted([close]);
      assert.equal(dialled.cause!.kind, 'tls-failed');
      assert.match(dialled.cause!.reason, /none of the server's names/);
      assert.equal(dialled.count('connect'), 0);
    }
  });

  test('without authorities the server is not verified, but for its names', async () => {
    const unverified = await handshake(serverTls, {});
    assert.equal(unverified.dialled.count('connect'), 1);
    const named = await handshake(serverTls, { subjectAltNames: ['other'] });
    assert.equal(named.dialled.cause!.kind, 'tls-failed');
  });

  test('does not trust a server of another authority', async () => {
    const { dialled, accepted, failures } = await handshake(serverTls, { authorityPem: stranger.authorityPem });
    assert.equal(dialled.cause!.kind, 'tls-failed');
    assert.match(dialled.cause!.reason, /^[A-Z_]+$/);
    // Of TLS 1.3 the server may be through before it hears of it.
    assert.ok(accepted === undefined || accepted.bytes === 0);
    assert.ok(failures.length <= 1);
  });

  const clientOf = (source: TestAuthority) => ({
    ...clientTls,
    certificate: source.issue(['URI:spiffe://mesh/client']),
  });

  test('a required client certificate must be there and be good', async () => {
    const strict = { ...serverTls, clientAuthorityPem: authority.authorityPem, requireClientCertificate: true };
    assert.ok((await handshake(strict, clientOf(authority))).accepted !== undefined);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const client of [clientTls, clientOf(stranger)]) {
        const { accepted, failures, dialled } = await handshake(strict, { ...client, maxVersion: version });
        assert.equal(accepted, undefined);
        assert.equal(failures.length, 1);
        assert.ok(dialled.closed);
      }
    }
  });

  test('an optional client certificate may be missing but not be bad', async () => {
    const lenient = { ...serverTls, clientAuthorityPem: authority.authorityPem };
    const without = await handshake(lenient, clientTls);
    assert.deepEqual(without.accepted!.connection.tls?.peerSubjectAltNames, []);
    const withOne = await handshake(lenient, clientOf(authority));
    assert.deepEqual(withOne.accepted!.connection.tls?.peerSubjectAltNames, ['URI:spiffe://mesh/client']);
    const bad = await handshake(lenient, clientOf(stranger));
    assert.equal(bad.accepted, undefined);
    assert.equal(bad.failures.length, 1);
  });

  test('a client certificate that nobody asked for is not seen', async () => {
    const { accepted } = await handshake(serverTls, clientOf(stranger));
    assert.deepEqual(accepted!.connection.tls?.peerSubjectAltNames, []);
  });

  test('a required certificate of any authority is taken where none is named', async () => {
    const any = { ...serverTls, requireClientCertificate: true };
    assert.ok((await handshake(any, clientOf(stranger))).accepted !== undefined);
    assert.equal((await handshake(any, clientTls)).accepted, undefined);
  });

  test('a handshake that stalls, is nonsense or breaks off is a failure, counted once', async () => {
    const failures: string[] = [];
    const meeting = await meet(
      await nodeWorld('127.0.0.1', { server: { ...serverTls, handshakeTimeoutMs: 400 }, client: clientTls }),
      { connectionsMax: 3, onTlsFailure: (reason) => failures.push(reason) },
    );
    const { port } = meeting.listener.address as { port: number };
    let closed = 0;
    const open = () =>
      connectTcp({ host: '127.0.0.1', port })
        .on('error', () => {})
        .on('close', () => closed++)
        .resume();
    open();
    open().write('GET / HTTP/1.1\r\n\r\n');
    const broken = open();
    broken.once('connect', () => broken.destroy());
    await until(() => failures.length === 3 && closed === 3, 'the failures');
    assert.ok(failures.includes('ERR_TLS_HANDSHAKE_TIMEOUT'), failures.join());
    await meeting.connect();
    await meeting.finish();
    assert.equal(failures.length, 3);
  });

  test('does not speak TLS 1.1, nor suites without authentication', async () => {
    const failures: string[] = [];
    const meeting = await meet(await nodeWorld('127.0.0.1', { server: serverTls, client: clientTls }), {
      onTlsFailure: (reason) => failures.push(reason),
    });
    const { port } = meeting.listener.address as { port: number };
    for (const options of [
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA' },
    ] as const) {
      await new Promise<void>((resolve) => {
        const client = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
          assert.fail('the handshake went through');
        });
        client.on('error', () => resolve());
      });
    }
    await until(() => failures.length === 2, 'the failures');
    await meeting.finish();
  });

  test('a dial to a plain listener fails or times out', async () => {
    const world = await nodeWorld('127.0.0.1', undefined);
    const meeting = await meet(world, {}, (end, connection) => {
      if (meeting.accepted.length === 1)
        end.on.bytes = () => connection.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    const dial = () => meeting.dial({ tls: clientTls, connectTimeoutMs: 100 });
    const answered = dial();
    await until(() => answered.closed, 'the failure');
    assert.equal(answered.cause!.kind, 'tls-failed');
    const silent = dial();
    await until(() => silent.closed, 'the timeout');
    assert.equal(silent.cause!.kind, 'connect-timeout');
    await meeting.finish();
  });

  test('unusable certificates are told, not thrown', async () => {
    const broken = { chainPem: 'no PEM', privateKeyPem: first.privateKeyPem };
    const mismatched = { chainPem: first.chainPem, privateKeyPem: second.privateKeyPem };
    const transport = quickTransport();
    for (const certificates of [[], [broken], [mismatched], [first, broken]]) {
      const listening = transport.listen(
        { address: { kind: 'ip', host: '127.0.0.1', port: 0 }, tls: { certificates } },
        () => {},
      );
      await assert.rejects(
        listening,
        (error: Error) => error.name === 'CodedError' && !error.message.includes('PRIVATE'),
      );
    }
    const { dialled } = await handshake(serverTls, { authorityPem: 'no PEM', certificate: broken });
    assert.equal(dialled.cause!.kind, 'tls-failed');
  });
});
