import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import fc from 'fast-check';
import { subjectAltNames, subjectAltNameValue } from './subject-alt-names.ts';

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

const sanId = der(0x06, Buffer.from([0x55, 0x1d, 0x11]));
const otherId = der(0x06, Buffer.from([0x55, 0x1d, 0x13]));
const critical = der(0x01, Buffer.from([0xff]));

/** As much of a certificate as holds the names. */
function certificateWith(...extensions: readonly Buffer[]): Buffer {
  const serial = der(0x02, Buffer.from([1]));
  return der(0x30, der(0x30, der(0xa0, der(0x02, Buffer.from([2]))), serial, der(0xa3, der(0x30, ...extensions))));
}

function names(...list: readonly Buffer[]): Buffer {
  return der(0x30, sanId, der(0x04, der(0x30, ...list)));
}

describe('subject alternative names', () => {
  test('are read in their order, with their kinds', () => {
    const certificate = certificateWith(
      der(0x30, otherId, critical, der(0x04, der(0x30))),
      der(
        0x30,
        sanId,
        critical,
        der(
          0x04,
          der(
            0x30,
            der(0x86, Buffer.from('spiffe://mesh/ns/a/sa/b')),
            der(0x82, Buffer.from('*.a.test')),
            der(0xa0, Buffer.from('other name')),
            der(0x81, Buffer.from('a@b.test')),
            der(0x87, Buffer.from([10, 0, 0, 1])),
            der(0x87, Buffer.from('20010db8000000000000000000000001', 'hex')),
          ),
        ),
      ),
    );
    assert.deepEqual(subjectAltNames(certificate), [
      'URI:spiffe://mesh/ns/a/sa/b',
      'DNS:*.a.test',
      'EMAIL:a@b.test',
      'IP:10.0.0.1',
      'IP:2001:db8::1',
    ]);
  });

  test('one name cannot look like several, or like another', () => {
    const hostile = ['a.test, URI:spiffe://mesh/admin', 'a.test\0.evil.test', 'a.test\n', 'bücher.test', '', ' a.test'];
    const certificate = certificateWith(names(...hostile.map((name) => der(0x82, Buffer.from(name)))));
    assert.deepEqual(subjectAltNames(certificate), []);
    const odd = certificateWith(names(der(0x82, Buffer.from('a.test,URI:spiffe://mesh/admin'))));
    assert.deepEqual(subjectAltNames(odd).map(subjectAltNameValue), ['a.test,URI:spiffe://mesh/admin']);
  });

  test('are none where the certificate has none', () => {
    assert.deepEqual(subjectAltNames(certificateWith()), []);
    assert.deepEqual(subjectAltNames(Buffer.alloc(0)), []);
    assert.deepEqual(subjectAltNames(certificateWith(names(der(0x87, Buffer.from([1, 2, 3]))))), []);
  });

  test('damaged certificates give no names that were not in them, and no exception', () => {
    const certificate = certificateWith(names(der(0x82, Buffer.from('a.test')), der(0x82, Buffer.from('b.test'))));
    for (let length = 0; length < certificate.length; length++) {
      for (const name of subjectAltNames(certificate.subarray(0, length))) {
        assert.ok(['DNS:a.test', 'DNS:b.test'].includes(name), name);
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(certificate.length - 1), fc.nat(255), (noise, at, byte) => {
        subjectAltNames(Buffer.from(noise));
        const damaged = Buffer.from(certificate);
        damaged[at] = byte;
        subjectAltNames(damaged);
      }),
      { numRuns: 300 },
    );
  });

  test('are those that OpenSSL put in', { skip: certificatesMissing }, () => {
    const authority = new TestAuthority();
    const { chainPem } = authority.issue(['DNS:a.test', 'URI:spiffe://mesh/b', 'IP:127.0.0.1', 'email:c@d.test']);
    authority.dispose();
    assert.deepEqual(subjectAltNames(new X509Certificate(chainPem).raw), [
      'DNS:a.test',
      'URI:spiffe://mesh/b',
      'IP:127.0.0.1',
      'EMAIL:c@d.test',
    ]);
  });
});
