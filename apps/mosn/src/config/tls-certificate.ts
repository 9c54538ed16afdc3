import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DataSource } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type { TlsCertificate } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { messageOf } from '@sofamesh/base/errors';
import type { ServerCertificate } from '@sofamesh/contract/transport';
import { dataOf, FieldError, fileOf, present, shown, snake } from './fields.ts';

const refused = ['pkcs12', 'privateKeyProvider'] as const;

/** Reads a certificate with its key. `name`: of the secret that holds it; empty for one that is written out. */
export function readCertificate(
  certificate: TlsCertificate,
  name: string,
  path: string,
  ignored: (path: string) => void,
): ServerCertificate {
  for (const field of refused) {
    if (certificate[field] !== undefined) throw new FieldError(`${path}.${snake(field)}`, present, 'is not supported');
  }
  if (certificate.signedCertificateTimestamp.length > 0) ignored(`${path}.signed_certificate_timestamp`);
  const chainPem = dataOf(certificate.certificateChain, `${path}.certificate_chain`);
  if (chainPem === undefined) throw new FieldError(`${path}.certificate_chain`, undefined, 'is required');
  const chainPath = fileOf(certificate.certificateChain);
  const leaf = readLeaf(chainPem, `${path}.certificate_chain`);
  const key = readKey(certificate, path);
  if (!leaf.checkPrivateKey(key)) throw new FieldError(`${path}.private_key`, secret, "is not the certificate's key");
  const staple = bytesOf(certificate.ocspStaple, `${path}.ocsp_staple`);
  return {
    chainPem,
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    expiresMs: leaf.validToDate.getTime(),
    ...(chainPath !== undefined && { chainPath }),
    ...(name !== '' && { name }),
    ...(staple !== undefined && { ocspStaple: staple }),
  };
}

const secret = shown('a secret');

function readLeaf(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (thrown) {
    throw new FieldError(path, shown('PEM'), `cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function readKey({ privateKey, password }: TlsCertificate, path: string): KeyObject {
  const pem = dataOf(privateKey, `${path}.private_key`);
  if (pem === undefined) throw new FieldError(`${path}.private_key`, undefined, 'is required');
  const passphrase = dataOf(password, `${path}.password`);
  try {
    return createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
  } catch (thrown) {
    throw new FieldError(`${path}.private_key`, secret, `cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** What is not text. Undefined when nothing is given. */
export function bytesOf(source: DataSource | undefined, path: string): Uint8Array | undefined {
  if (source?.specifier.case === 'inlineBytes') return source.specifier.value;
  if (source?.specifier.case !== 'filename') {
    const text = dataOf(source, path);
    return text === undefined ? undefined : Buffer.from(text, 'latin1');
  }
  const { value: file } = source.specifier;
  try {
    return new Uint8Array(readFileSync(file));
  } catch (thrown) {
    throw new FieldError(`${path}.filename`, file, messageOf(thrown), { cause: thrown });
  }
}
