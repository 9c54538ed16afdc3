import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { after, afterEach, describe, test } from 'node:test';
import type { CertificatePair, PeerVerification, SubjectAltNameMatch } from '@sofamesh/contract/transport';
import { certificatesMissing, type IssueOptions, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { LazyCertificateFacts } from './certificate-facts.ts';
import { certificateKey } from './der.ts';
import { compileNameMatch } from './name-match.ts';
import { PeerVerifier } from './peer-verifier.ts';
import { abandonMeetings, meet, nodeWorld, until } from './test-support/node-world.ts';

afterEach(abandonMeetings);

describe('names of a peer', () => {
  const matches = (match: SubjectAltNameMatch, ...entries: readonly string[]) => entries.map(compileNameMatch(match));

  test('are matched by their kind and as a whole', () => {
    const uri = (kind: SubjectAltNameMatch['kind'], value: string) => ({ type: 'URI', kind, value }) as const;
    assert.deepEqual(matches(uri('exact', 'spiffe://a'), 'URI:spiffe://a', 'DNS:spiffe://a', 'URI:spiffe://A'), [
      true,
      false,
      false,
    ]);
    assert.deepEqual(matches(uri('prefix', 'spiffe://a/'), 'URI:spiffe://a/b', 'URI:xspiffe://a/'), [true, false]);
    assert.deepEqual(matches(uri('suffix', '/b'), 'URI:spiffe://a/b', 'URI:spiffe://a/bc'), [true, false]);
    assert.deepEqual(matches(uri('contains', 'a'), 'URI:xay', 'URI:b'), [true, false]);
    assert.deepEqual(matches(uri('regex', 'spiffe://(a|b)'), 'URI:spiffe://b', 'URI:spiffe://bc'), [true, false]);
    assert.deepEqual(matches({ ...uri('exact', 'A'), ignoreCase: true }, 'URI:a'), [true]);
    assert.deepEqual(matches({ kind: 'exact', value: 'a' }, 'DNS:a', 'URI:a', 'EMAIL:a', 'IP:a'), [
      true,
      true,
      true,
      true,
    ]);
  });

  test('a wildcard in the certificate covers one label, for exact host names only', () => {
    const dns = (value: string) => ({ type: 'DNS', kind: 'exact', value }) as const;
    assert.deepEqual(
      ['a.x.test', 'A.X.test', 'a.b.x.test', 'x.test', '.x.test', '*.x.test'].map(
        (name) => matches(dns(name), 'DNS:*.x.test')[0],
      ),
      [true, true, false, false, false, true],
    );
    assert.deepEqual(matches(dns('ab.x.test'), 'DNS:a*.x.test', 'DNS:*', 'DNS:*.test', 'DNS:*b.x.test'), [
      false,
      false,
      false,
      false,
    ]);
    assert.deepEqual(matches({ type: 'DNS', kind: 'suffix', value: 'a.x.test' }, 'DNS:*.x.test'), [false]);
    assert.deepEqual(matches({ type: 'URI', kind: 'exact', value: 'a.x.test' }, 'URI:*.x.test'), [false]);
  });

  test('expressions are bounded and checked', () => {
    assert.throws(() => compileNameMatch({ kind: 'regex', value: '(' }), { code: 'bad_regex' });
    assert.throws(() => compileNameMatch({ kind: 'regex', value: 'a'.repeat(1025) }), { code: 'regex_too_long' });
    const hostile = compileNameMatch({ kind: 'regex', value: '(a+)+b' });
    assert.equal(hostile(`DNS:${'a'.repeat(5000)}`), false);
  });
});

const dns = (value: string) => ({ type: 'DNS', kind: 'exact', value }) as const;

function alone(pair: CertificatePair): CertificatePair {
  return { ...pair, chainPem: `${pair.chainPem.split('-----END CERTIFICATE-----')[0]}-----END CERTIFICATE-----\n` };
}

describe('a certificate chain', { skip: certificatesMissing }, () => {
  const authority = certificatesMissing === false ? new TestAuthority() : (undefined as never);
  const below = certificatesMissing === false ? authority.subordinate() : (undefined as never);
  after(() => {
    authority?.dispose();
    below?.dispose();
  });
  const leaf = certificatesMissing === false ? below.issue(['DNS:leaf.test']) : (undefined as never);
  const trusted = { authorityPem: certificatesMissing === false ? authority.authorityPem : '' };

  async function verdict(certificate: typeof leaf, verification: PeerVerification): Promise<string> {
    const world = await nodeWorld('127.0.0.1', { server: { certificates: [certificate] }, client: { verification } });
    const meeting = await meet(world);
    const client = meeting.dial();
    await until(() => client.closed || client.count('connect') === 1, 'an outcome');
    await until(() => meeting.accepted.length + meeting.tlsFailures.length > 0, 'the server');
    await meeting.finish();
    const { cause } = client;
    return cause?.kind === 'tls-failed' ? `${cause.check} ${cause.reason}` : 'accepted';
  }

  test('may have authorities between, as many as are allowed', async () => {
    assert.equal(await verdict(leaf, trusted), 'accepted');
    assert.equal(await verdict(leaf, { ...trusted, authoritiesMax: 2 }), 'accepted');
    assert.equal(await verdict(leaf, { ...trusted, authoritiesMax: 1 }), 'chain CERT_CHAIN_TOO_LONG');
    const direct = authority.issue(['DNS:direct.test']);
    assert.equal(await verdict(direct, { ...trusted, authoritiesMax: 1 }), 'accepted');
    assert.equal(await verdict(direct, { ...trusted, authoritiesMax: 0 }), 'chain CERT_CHAIN_TOO_LONG');
  });

  test('may end in a trusted authority that is no root', async () => {
    const between = leaf.chainPem.slice(leaf.chainPem.lastIndexOf('-----BEGIN'));
    assert.equal(await verdict(leaf, { authorityPem: between }), 'accepted');
    const alone = { ...leaf, chainPem: leaf.chainPem.slice(0, leaf.chainPem.lastIndexOf('-----BEGIN')) };
    assert.equal(await verdict(alone, { authorityPem: between }), 'accepted');
    assert.match(await verdict(alone, trusted), /^chain UNABLE_TO/);
  });

  test('must not have expired, nor be revoked', async () => {
    assert.equal(
      await verdict(authority.issue(['DNS:old.test'], { expired: true }), trusted),
      'chain CERT_HAS_EXPIRED',
    );
    const [good, bad] = [authority.issue(['DNS:good.test']), authority.issue(['DNS:bad.test'])];
    const crlPem = authority.revoke([bad]);
    assert.equal(await verdict(good, { ...trusted, crlPem }), 'accepted');
    assert.equal(await verdict(bad, { ...trusted, crlPem }), 'chain CERT_REVOKED');
    // A list for each authority of the chain, or nobody comes in.
    assert.equal(await verdict(leaf, { ...trusted, crlPem }), 'chain UNABLE_TO_GET_CRL');
    assert.equal(await verdict(leaf, { ...trusted, crlPem: crlPem + below.revoke([]) }), 'accepted');
  });

  test('may have expired where dates do not matter, and must be good in all else', async () => {
    const lenient = { ...trusted, allowExpired: true };
    const old = (from: TestAuthority, options: IssueOptions = {}) =>
      from.issue(['DNS:old.test'], { ...options, expired: true });
    assert.equal(await verdict(old(authority), lenient), 'accepted');
    assert.equal(
      await verdict(old(authority), { ...lenient, subjectAltNames: [dns('x.test')] }),
      "name none of the peer's names is wanted: DNS:old.test",
    );
    assert.equal(await verdict(old(below), lenient), 'accepted');
    assert.equal(await verdict(authority.issue(['DNS:new.test']), lenient), 'accepted');
    const good = ['extendedKeyUsage=serverAuth,clientAuth', 'keyUsage=critical,digitalSignature'];
    assert.equal(await verdict(old(authority, { extensions: good }), lenient), 'accepted');
    const noAuthority = authority.issue(['DNS:leaf.test'], {
      authority: false,
      extensions: ['basicConstraints=CA:FALSE'],
    });
    const shortPath = authority.issue([], {
      subject: '/CN=short',
      extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0'],
    });
    const from = (pair: ReturnType<typeof authority.issue>) =>
      new TestAuthority('from', { ...pair, rootPem: authority.authorityPem, chainOf: pair.chainPem });
    const stranger = new TestAuthority('test authority');
    const [unfit, short] = [from(noAuthority), from(shortPath)];
    const deeper = short.subordinate();
    for (const [why, pair] of Object.entries({
      'another authority of the same name': old(stranger),
      'without its intermediate': alone(old(below)),
      'made by a leaf': old(unfit),
      'a path that is too long': old(deeper),
      'another purpose': old(authority, { extensions: ['extendedKeyUsage=codeSigning'] }),
      'clients only': old(authority, { extensions: ['extendedKeyUsage=clientAuth'] }),
      'a key for certificates': old(authority, { extensions: ['keyUsage=critical,keyCertSign'] }),
      'an unknown demand': old(authority, { extensions: ['1.2.3.4.5=critical,ASN1:NULL'] }),
    })) {
      assert.equal(await verdict(pair, lenient), 'chain CERT_HAS_EXPIRED', why);
    }
    assert.equal(await verdict(old(short), lenient), 'accepted');
    for (const each of [stranger, unfit, short, deeper]) each.dispose();
  });

  test('its key is pinned by its hash', async () => {
    const certificate = new X509Certificate(leaf.chainPem);
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    assert.deepEqual(certificateKey(certificate.raw), spki);
    const hash = createHash('sha256').update(spki).digest('base64');
    assert.equal(await verdict(leaf, { spkiSha256: [hash] }), 'accepted');
    assert.match(await verdict(leaf, { spkiSha256: [Buffer.alloc(32).toString('base64')] }), /^hash /);
    assert.deepEqual(certificateKey(Buffer.alloc(0)), Buffer.alloc(0));
    // Where the key cannot be found, its hash is nobody's.
    const empty = createHash('sha256').digest('base64');
    const verifier = new PeerVerifier({ spkiSha256: [empty] }, 'server');
    const broken = { raw: Buffer.from('no certificate') } as X509Certificate;
    assert.equal(
      verifier.refusal({ certificate: broken, chainError: undefined, resumed: false, authorities: 1 })!.check,
      'hash',
    );
  });

  test('a session that is resumed is judged by the date of today', () => {
    const expired = new X509Certificate(authority.issue(['DNS:old.test'], { expired: true }).chainPem);
    const evidence = { certificate: expired, chainError: undefined, resumed: true, authorities: 1 };
    assert.equal(new PeerVerifier(trusted, 'server').refusal(evidence)!.reason, 'CERT_HAS_EXPIRED');
    assert.equal(new PeerVerifier({}, 'server').refusal(evidence), undefined);
  });
});

describe('what is told of a certificate', { skip: certificatesMissing }, () => {
  test('has the form that headers and logs need', () => {
    const authority = new TestAuthority();
    const { chainPem } = authority.issue(['URI:spiffe://a/b', 'DNS:a.test'], {
      subject: '/C=CN/O=a, "b" mesh/CN=bücher',
    });
    authority.dispose();
    const certificate = new X509Certificate(chainPem);
    const facts = new LazyCertificateFacts(certificate.raw);
    assert.equal(facts.subject, 'CN=b\\C3\\BCcher,O=a\\, \\"b\\" mesh,C=CN');
    assert.equal(facts.issuer, 'CN=test authority');
    assert.match(facts.sha256Hex, /^[0-9a-f]{64}$/);
    assert.equal(facts.sha1Hex.length, 40);
    assert.equal(facts.serialHex, '01');
    assert.deepEqual(facts.subjectAltNames, ['URI:spiffe://a/b', 'DNS:a.test']);
    assert.equal(facts.validToMs - facts.validFromMs, 2 * 24 * 3600 * 1000);
    assert.equal(facts.pem(), chainPem);
  });
});
