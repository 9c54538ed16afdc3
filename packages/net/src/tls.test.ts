import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { ClientTls, CloseCause, ServerTls } from '@sofamesh/contract/transport';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import type { Recorder } from '@sofamesh/testkit/transport-suite/index';
import { abandonMeetings, meet, nodeWorld, until } from './test-support/node-world.ts';
import { checkClientTls, checkServerTls } from './tls-check.ts';

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
  const trusted = { authorityPem: certificatesMissing === false ? authority.authorityPem : '' };
  const clientTls: ClientTls = { verification: trusted };

  async function handshake(server: ServerTls, client: ClientTls): Promise<Outcome> {
    const meeting = await meet(await nodeWorld('127.0.0.1', { server, client }));
    const failures = meeting.tlsFailures;
    const dialled = meeting.dial();
    const done = () => dialled.closed || (dialled.count('connect') === 1 && meeting.accepted.length === 1);
    await until(() => done() || failures.length > 0, 'the handshake');
    // The client of TLS 1.3 is through before the server has judged it.
    if (meeting.accepted.length === 0) await until(() => dialled.closed, 'the client to notice');
    await until(() => meeting.accepted.length + failures.length > 0, 'the server');
    await meeting.finish();
    return { dialled, accepted: meeting.accepted[0], failures };
  }

  interface Outcome {
    readonly dialled: Recorder;
    readonly accepted: Recorder | undefined;
    readonly failures: readonly CloseCause[];
  }

  test('tells both sides what was agreed', async () => {
    const { dialled, accepted } = await handshake(
      { ...serverTls, alpn: ['h2', 'http/1.1'], verification: trusted, requireClientCertificate: true },
      { ...clientTls, serverName: 'First.test', alpn: ['http/1.1', 'h2'], certificate: second },
    );
    const agreed = (end: Recorder) => {
      const { alpn, serverName, version, cipher, resumed, peerSubjectAltNames } = end.connection.tls!;
      return { alpn, serverName, version, cipher, resumed, peerSubjectAltNames };
    };
    const common = {
      alpn: 'h2',
      serverName: 'first.test',
      version: 'TLSv1.3',
      cipher: 'TLS_AES_128_GCM_SHA256',
      resumed: false,
    };
    assert.deepEqual(agreed(dialled), {
      ...common,
      peerSubjectAltNames: ['DNS:first.test', 'URI:spiffe://mesh/ns/a/sa/first', 'IP:127.0.0.1', 'IP:2001:db8::1'],
    });
    assert.deepEqual(agreed(accepted!), { ...common, peerSubjectAltNames: ['DNS:second.test', 'DNS:*.wild.test'] });
    assert.equal(accepted!.connection.tls!.peerCertificate!.verified, true);
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

  test('a client that asks for other protocols only goes on without one', async () => {
    const { dialled, accepted } = await handshake({ ...serverTls, alpn: ['h2'] }, { ...clientTls, alpn: ['x'] });
    assert.deepEqual([dialled.connection.tls?.alpn, accepted?.connection.tls?.alpn], [undefined, undefined]);
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

  const name = (value: string) => ({ kind: 'exact', value }) as const;

  test('accepts any of the wanted names, by exact value', async () => {
    const wanted = (...values: string[]) =>
      handshake(serverTls, { verification: { ...trusted, subjectAltNames: values.map(name) } });
    assert.equal((await wanted('other', 'spiffe://mesh/ns/a/sa/first')).dialled.count('connect'), 1);
    for (const close of [
      'spiffe://mesh/ns/a/sa/firs',
      'SPIFFE://mesh/ns/a/sa/first',
      'URI:spiffe://mesh/ns/a/sa/first',
    ]) {
      const { dialled } = await wanted(close);
      assert.deepEqual([dialled.cause!.kind, dialled.cause!.check], ['tls-failed', 'name']);
      assert.match(dialled.cause!.reason, /none of the peer's names/);
      assert.equal(dialled.count('connect'), 0);
    }
  });

  test('without authorities the server is not verified, but for its names', async () => {
    const unverified = await handshake(serverTls, {});
    assert.equal(unverified.dialled.count('connect'), 1);
    assert.equal(unverified.dialled.connection.tls!.peerCertificate!.verified, false);
    const named = await handshake(serverTls, { verification: { subjectAltNames: [name('other')] } });
    assert.equal(named.dialled.cause!.check, 'name');
  });

  test('does not trust a server of another authority, unless it is told to', async () => {
    const rules = { authorityPem: stranger.authorityPem };
    const { dialled, accepted, failures } = await handshake(serverTls, { verification: rules });
    assert.deepEqual([dialled.cause!.kind, dialled.cause!.check], ['tls-failed', 'chain']);
    assert.match(dialled.cause!.reason, /^[A-Z_]+$/);
    // Of TLS 1.3 the server may be through before it hears of it.
    assert.ok(accepted === undefined || accepted.bytes === 0);
    assert.ok(failures.length <= 1);
    const lenient = await handshake(serverTls, { verification: { ...rules, acceptUntrusted: true } });
    assert.equal(lenient.dialled.count('connect'), 1);
    assert.equal(lenient.dialled.connection.tls!.peerCertificate!.verified, false);
  });

  const clientNames = ['URI:spiffe://mesh/client'];
  const ours = certificatesMissing === false ? authority.issue(clientNames) : first;
  const theirs = certificatesMissing === false ? stranger.issue(clientNames) : first;
  const clientOf = (source: TestAuthority): ClientTls => ({
    ...clientTls,
    certificate: source === authority ? ours : theirs,
  });

  test('a required client certificate must be there and be good', async () => {
    const strict = { ...serverTls, verification: trusted, requireClientCertificate: true };
    assert.ok((await handshake(strict, clientOf(authority))).accepted !== undefined);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const [client, check] of [
        [clientTls, 'no-certificate'],
        [clientOf(stranger), 'chain'],
      ] as const) {
        const { accepted, failures, dialled } = await handshake(strict, { ...client, maxVersion: version });
        assert.equal(accepted, undefined);
        assert.deepEqual(
          failures.map((cause) => [cause.kind, cause.check]),
          [['tls-failed', check]],
        );
        assert.ok(dialled.closed);
      }
    }
  });

  test('an optional client certificate may be missing but not be bad', async () => {
    const lenient = { ...serverTls, verification: trusted };
    const without = await handshake(lenient, clientTls);
    assert.deepEqual(without.accepted!.connection.tls?.peerSubjectAltNames, []);
    assert.equal(without.accepted!.connection.tls?.peerCertificate, undefined);
    const withOne = await handshake(lenient, clientOf(authority));
    assert.deepEqual(withOne.accepted!.connection.tls?.peerSubjectAltNames, ['URI:spiffe://mesh/client']);
    const bad = await handshake(lenient, clientOf(stranger));
    assert.equal(bad.accepted, undefined);
    assert.equal(bad.failures[0]!.check, 'chain');
    const untrusted = await handshake(
      { ...serverTls, verification: { ...trusted, acceptUntrusted: true } },
      clientOf(stranger),
    );
    assert.equal(untrusted.accepted!.connection.tls!.peerCertificate!.verified, false);
    // As Envoy: that goes for every rule.
    const misnamed = await handshake(
      { ...serverTls, verification: { ...trusted, acceptUntrusted: true, subjectAltNames: [name('x')] } },
      clientOf(authority),
    );
    assert.equal(misnamed.accepted!.connection.tls!.peerCertificate!.verified, false);
    const good = await handshake(
      { ...serverTls, verification: { ...trusted, acceptUntrusted: true } },
      clientOf(authority),
    );
    assert.equal(good.accepted!.connection.tls!.peerCertificate!.verified, true);
  });

  test('an authority of clients need not be a root', async () => {
    const below = authority.subordinate();
    const pair = below.issue(['DNS:client.test']);
    const between = pair.chainPem.slice(pair.chainPem.lastIndexOf('-----BEGIN'));
    const server = { ...serverTls, requireClientCertificate: true, verification: { authorityPem: between } };
    assert.ok((await handshake(server, { certificate: pair })).accepted);
    assert.equal((await handshake(server, clientOf(authority))).failures[0]?.check, 'chain');
    below.dispose();
  });

  test('secrets that have not come let nobody in, and go nowhere', async () => {
    const server = await handshake({ ...serverTls, certificates: [], secretsMissing: true }, clientOf(authority));
    assert.deepEqual([server.accepted, server.failures[0]?.reason], [undefined, 'secrets_not_ready']);
    const { dialled: client } = await handshake(serverTls, { secretsMissing: true });
    assert.deepEqual([client.cause?.kind, client.cause?.reason], ['tls-failed', 'secrets_not_ready']);
  });

  test('a client must have a wanted name and a pinned certificate or key', async () => {
    const client = clientOf(authority);
    // As Envoy: where nothing is to be kept, nobody is asked, and nobody can say who it is.
    assert.equal(
      (await handshake({ ...serverTls, verification: {} }, client)).accepted!.connection.tls!.peerCertificate,
      undefined,
    );
    const { accepted } = await handshake({ ...serverTls, requireClientCertificate: true }, client);
    const { sha256Hex } = accepted!.connection.tls!.peerCertificate!;
    const other = '00'.repeat(32);
    const verdict = async (rules: ServerTls['verification']) => {
      const server = { ...serverTls, requireClientCertificate: true, verification: rules! };
      return (await handshake(server, client)).failures[0]?.check ?? 'accepted';
    };
    assert.equal(
      await verdict({ subjectAltNames: [{ type: 'URI', kind: 'prefix', value: 'spiffe://mesh/' }] }),
      'accepted',
    );
    assert.equal(
      await verdict({ subjectAltNames: [{ type: 'DNS', kind: 'prefix', value: 'spiffe://mesh/' }] }),
      'name',
    );
    assert.equal(await verdict({ certificateSha256: [other, sha256Hex] }), 'accepted');
    assert.equal(await verdict({ certificateSha256: [other] }), 'hash');
    assert.equal(await verdict({ ...trusted, subjectAltNames: [name('x')], certificateSha256: [sha256Hex] }), 'name');
  });

  test('a client certificate that nobody asked for is not seen', async () => {
    const { accepted } = await handshake(serverTls, clientOf(stranger));
    assert.deepEqual(accepted!.connection.tls?.peerSubjectAltNames, []);
  });

  test('a required certificate of any authority is taken where none is named', async () => {
    const any = { ...serverTls, requireClientCertificate: true };
    assert.ok((await handshake(any, clientOf(stranger))).accepted !== undefined);
    const { accepted, failures } = await handshake(any, clientTls);
    assert.deepEqual([accepted, failures[0]!.check], [undefined, 'no-certificate']);
  });

  test('a handshake that stalls, is nonsense or breaks off is a failure, told once', async () => {
    const meeting = await meet(
      await nodeWorld('127.0.0.1', { server: { ...serverTls, handshakeTimeoutMs: 400 }, client: clientTls }),
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
    open().end(Buffer.from([22, 3, 1, 0, 100, 1]));
    open().write(Buffer.from([22, 3, 1, 255, 255, 1, 0, 255, 255]));
    const broken = open();
    broken.once('connect', () => broken.destroy());
    await until(() => meeting.tlsFailures.length === 5 && closed === 5, 'the failures');
    const reasons = meeting.tlsFailures.map(({ reason }) => reason);
    for (const expected of [
      'ERR_TLS_HANDSHAKE_TIMEOUT',
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'the ClientHello is too large',
    ]) {
      assert.ok(reasons.includes(expected), reasons.join());
    }
    await meeting.connect();
    await meeting.finish();
    assert.equal(meeting.tlsFailures.length, 5);
  });

  test('a client that says its hello byte by byte is served', async () => {
    const meeting = await meet(
      await nodeWorld('127.0.0.1', { server: { ...serverTls, alpn: ['h2'] }, client: clientTls }),
    );
    const { port } = meeting.listener.address as { port: number };
    const carrier = connectTcp({ host: '127.0.0.1', port, noDelay: true });
    const hello: number[] = [];
    const slow = new (await import('node:stream')).Duplex({
      write(chunk: Buffer, _encoding, done) {
        hello.push(...chunk);
        const step = () => {
          const byte = hello.shift();
          if (byte === undefined) done();
          else carrier.write(Buffer.from([byte]), step);
        };
        step();
      },
      read() {},
      final: (done) => void carrier.end(done),
    });
    carrier.on('data', (chunk) => slow.push(chunk));
    const client = connectTls({
      socket: slow,
      servername: 'second.test',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    });
    client.on('error', () => {});
    client.write('through');
    await until(() => meeting.accepted[0]?.bytes === 7, 'the bytes');
    assert.equal(meeting.accepted[0]!.connection.tls!.alpn, 'h2');
    client.destroy();
    carrier.destroy();
    await until(() => meeting.accepted[0]!.closed, 'the end');
    await meeting.finish();
  });

  test('what is written, ended and closed before the handshake is done comes after it', async () => {
    const meeting = await meet(await nodeWorld('127.0.0.1', undefined), {}, (server, connection) => {
      connection.startTls(serverTls, Buffer.alloc(0), () => {});
      connection.write(Buffer.from('early'));
      connection.close('flush');
      server.answersEnd = false;
    });
    const client = meeting.dial({ tls: clientTls });
    await meeting.allClosed();
    assert.equal(client.received.toString(), 'early');
    assert.deepEqual(client.told, ['connect', 'bytes', 'end', 'close']);
    await meeting.finish();
  });

  test('does not speak TLS 1.1, nor suites without authentication', async () => {
    const meeting = await meet(await nodeWorld('127.0.0.1', { server: serverTls, client: clientTls }));
    for (const options of [
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA' },
    ] as const) {
      assert.equal(await rawClient(meeting.listener.address, options), undefined);
    }
    await until(() => meeting.tlsFailures.length === 2, 'the failures');
    await meeting.finish();
  });

  /** What a client of Node's own sees: suite and version, or undefined when the handshake fails. */
  function rawClient(address: unknown, options: ConnectionOptions): Promise<string | undefined> {
    const { port } = address as { port: number };
    return new Promise((resolve) => {
      const client = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
        resolve(`${client.getProtocol()} ${client.getCipher().name}`);
        client.destroy();
      });
      client.on('error', () => resolve(undefined));
    });
  }

  test('speaks the cipher suites and curves that are configured, and no others', async () => {
    const certificates = [authority.issue(['DNS:rsa.test'], { key: 'rsa' })];
    const server: ServerTls = { certificates, cipherSuites: ['ECDHE-RSA-CHACHA20-POLY1305'], curves: ['P-384'] };
    const meeting = await meet(await nodeWorld('127.0.0.1', { server, client: clientTls }));
    const try12 = (more: ConnectionOptions) =>
      rawClient(meeting.listener.address, { maxVersion: 'TLSv1.2', ecdhCurve: 'P-384', ...more });
    assert.equal(await try12({}), 'TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305');
    assert.equal(await try12({ ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }), undefined);
    assert.equal(await try12({ ecdhCurve: 'P-256' }), undefined);
    assert.match((await rawClient(meeting.listener.address, { ecdhCurve: 'P-384' }))!, /^TLSv1\.3 TLS_/);
    const { client } = await meeting.connect({ tls: { ...clientTls, curves: ['P-384'], maxVersion: 'TLSv1.2' } });
    const { cipher, curve } = client.connection.tls!;
    assert.deepEqual([cipher, curve], ['ECDHE-RSA-CHACHA20-POLY1305', 'secp384r1']);
    await meeting.finish();
    assert.equal(client.connection.tls!.curve, 'secp384r1', 'remembered when the connection is gone');
  });

  test('a server name can be required', async () => {
    const server = { ...serverTls, requireServerName: true };
    assert.match((await handshake(server, clientTls)).failures[0]!.reason, /names no server/);
    assert.ok((await handshake(server, { ...clientTls, serverName: 'second.test' })).accepted !== undefined);
  });

  test('writes keys only where it is told to, for the addresses that it is told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'key-log-'));
    const path = join(folder, 'keys');
    try {
      const log = (localRanges: string[], remoteRanges: string[]) => ({ path, localRanges, remoteRanges });
      await handshake({ ...serverTls, keyLog: log(['10.0.0.0/8'], []) }, clientTls);
      await handshake({ ...serverTls, keyLog: log([], ['::/0']) }, clientTls);
      await handshake({ ...serverTls, keyLog: log(['127.0.0.0/8'], ['127.0.0.1/32']) }, clientTls);
      const lines = () => {
        try {
          return readFileSync(path, 'utf8').split('\n').filter(Boolean);
        } catch {
          return [];
        }
      };
      await until(() => lines().length >= 4, 'the keys');
      assert.ok(
        lines().every((line) => /^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]+$/.test(line)),
        lines().join('\n'),
      );
      const before = lines().length;
      await handshake(serverTls, { ...clientTls, keyLog: log([], []) });
      await until(() => lines().length > before, "the client's keys");
      // One session each, though four shook hands.
      assert.equal(new Set(lines().map((line) => line.split(' ')[1])).size, 2);
    } finally {
      rmSync(folder, { recursive: true });
    }
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
    const isTold = (error: Error) => error.name === 'CodedError' && !error.message.includes('PRIVATE');
    for (const certificates of [[], [broken], [mismatched], [first, broken]]) {
      assert.throws(() => checkServerTls({ certificates }), isTold);
      const { dialled, failures } = await handshake({ certificates }, clientTls);
      assert.equal(dialled.cause!.kind, 'tls-failed');
      assert.equal(failures.length, 1);
    }
    const badClient = { verification: { authorityPem: 'no PEM' }, certificate: broken };
    assert.throws(() => checkClientTls(badClient), isTold);
    const meeting = await meet(await nodeWorld('127.0.0.1', { server: serverTls, client: badClient }));
    const dialled = meeting.dial();
    await until(() => dialled.closed, 'the failure');
    assert.equal(dialled.cause!.kind, 'tls-failed');
    await until(() => meeting.tlsFailures.length === 1, 'the server to notice');
    await meeting.finish();
  });
});
