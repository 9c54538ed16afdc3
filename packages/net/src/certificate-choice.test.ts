import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { ServerCertificate, ServerTls } from '@sofamesh/contract/transport';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import type { Meeting } from '@sofamesh/testkit/transport-suite/index';
import { abandonMeetings, meet, nodeWorld, until } from './test-support/node-world.ts';
import { checkServerTls } from './tls-check.ts';

afterEach(abandonMeetings);

interface Shown {
  readonly key: string | undefined;
  readonly names: string | undefined;
  readonly staple: Buffer | null;
}

/** What a client of Node's own is shown; undefined when the handshake fails. */
async function shown(meeting: Meeting, options: ConnectionOptions = {}): Promise<Shown | undefined> {
  const { port } = meeting.listener.address as { port: number };
  let staple: Buffer | null = null;
  const client: TLSSocket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  client.on('OCSPResponse', (response: Buffer | null) => (staple = response?.length ? response : null));
  const secured = await new Promise<boolean>((resolve) => {
    client.on('secureConnect', () => resolve(true));
    client.on('error', () => resolve(false));
    client.on('close', () => resolve(false));
  });
  const certificate = client.getPeerX509Certificate();
  client.destroy();
  if (!secured) return undefined;
  return { key: certificate?.publicKey.asymmetricKeyType, names: certificate?.subjectAltName, staple };
}

const open = async (server: ServerTls) => meet(await nodeWorld('127.0.0.1', { server, client: {} }));
const onlyRsa = { sigalgs: 'rsa_pss_rsae_sha256' };
const onlyElliptic = { sigalgs: 'ecdsa_secp256r1_sha256' };

describe('the certificate of a server', { skip: certificatesMissing }, () => {
  const authority = certificatesMissing === false ? new TestAuthority() : (undefined as never);
  after(() => authority?.dispose());
  const issue = (names: readonly string[], key: 'ec' | 'rsa' = 'ec') =>
    certificatesMissing === false ? authority.issue(names, { key }) : (undefined as never);
  const rsa = issue(['DNS:both.test', 'DNS:*.rsa.test'], 'rsa');
  const elliptic = issue(['DNS:both.test']);
  const other = issue(['DNS:other.test']);

  test('is of a kind that the client can verify', async () => {
    const meeting = await open({ certificates: [rsa, elliptic, other] });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const key = async (options: ConnectionOptions) => (await shown(meeting, { maxVersion, ...options }))?.key;
      assert.equal(await key({ servername: 'both.test' }), 'ec');
      assert.equal(await key({ servername: 'both.test', ...onlyRsa }), 'rsa');
      assert.equal(await key({ servername: 'both.test', ...onlyElliptic }), 'ec');
      assert.equal(await key({ servername: 'a.rsa.test' }), 'rsa');
      // Nobody's name: the first certificate of each kind.
      assert.equal(await key({ servername: 'nobody.test', ...onlyRsa }), 'rsa');
      assert.equal(await key({}), 'ec');
      // A name goes before the kind of key.
      assert.equal(await key({ servername: 'other.test', ...onlyRsa }), undefined);
    }
    assert.equal((await shown(meeting, { servername: 'other.test' }))!.names, 'DNS:other.test');
    await meeting.finish();
  });

  test('is found by the common name where there are no alternative ones', async () => {
    const old = certificatesMissing === false ? authority.issue([], { subject: '/CN=old.test' }) : rsa;
    const meeting = await open({ certificates: [other, old] });
    assert.equal((await shown(meeting, { servername: 'old.test' }))!.names, undefined);
    assert.equal((await shown(meeting, { servername: 'x.test' }))!.names, 'DNS:other.test');
    await meeting.finish();
  });

  const stapled = (certificate: ServerCertificate): ServerCertificate => ({
    ...certificate,
    ocspStaple: authority.staple(certificate),
  });

  /** The same, ended long ago: the signature is the client's to check. */
  const ended = (certificate: ServerCertificate): ServerCertificate => {
    const staple = Buffer.from(certificate.ocspStaple!);
    const at = staple.lastIndexOf(Buffer.from([0x18, 0x0f, 0x32, 0x30]));
    staple.write('2001', at + 2, 'latin1');
    return { ...certificate, ocspStaple: staple };
  };

  test('comes with its OCSP response, to those who ask', async () => {
    const both = [stapled(rsa), stapled(elliptic)];
    const meeting = await open({ certificates: both });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const staple = async (options: ConnectionOptions) =>
        (await shown(meeting, { maxVersion, servername: 'both.test', requestOCSP: true, ...options }))?.staple;
      assert.deepEqual(await staple(onlyRsa), both[0]!.ocspStaple);
      assert.deepEqual(await staple({}), both[1]!.ocspStaple);
      assert.equal(await staple({ requestOCSP: false }), null);
    }
    await meeting.finish();
  });

  test('is shown or not by the policy for staples', async () => {
    const valid = stapled(elliptic);
    const outcome = async (certificate: ServerCertificate, ocspPolicy: ServerTls['ocspPolicy'] & string) => {
      const meeting = await open({ certificates: [certificate], ocspPolicy });
      const asked = await shown(meeting, { requestOCSP: true });
      assert.ok((await shown(meeting)) !== undefined, 'who does not ask is not judged by staples');
      await until(() => meeting.accepted.length + meeting.tlsFailures.length >= 2, 'both to be told');
      await meeting.finish();
      if (asked === undefined) assert.match(meeting.tlsFailures[0]!.reason, /no valid OCSP staple/);
      return asked === undefined ? 'refused' : asked.staple === null ? 'none' : 'stapled';
    };
    for (const policy of ['lenient', 'strict', 'must'] as const) assert.equal(await outcome(valid, policy), 'stapled');
    assert.equal(await outcome(ended(valid), 'lenient'), 'none');
    assert.equal(await outcome(ended(valid), 'strict'), 'refused');
    assert.equal(await outcome(ended(valid), 'must'), 'refused');
    assert.equal(await outcome(elliptic, 'strict'), 'none');
    assert.equal(await outcome(elliptic, 'must'), 'refused');
  });

  test('is refused with a staple that is none, or for another one', () => {
    const wrong = { ...elliptic, ocspStaple: authority.staple(other) };
    assert.throws(() => checkServerTls({ certificates: [wrong] }), /for another certificate/);
    for (const ocspStaple of [Buffer.alloc(0), Buffer.from('staple'), wrong.ocspStaple.subarray(0, 40)]) {
      assert.throws(() => checkServerTls({ certificates: [{ ...elliptic, ocspStaple }] }), /is no response/);
    }
  });
});
