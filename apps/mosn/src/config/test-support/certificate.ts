import { createPrivateKey } from 'node:crypto';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';

export { certificatesMissing };

export const lockedKeyPassword = 'very secret password';
const made = make();

/** A certificate for example.test; empty, as all below, where none can be made. */
export const certificatePem = made.certificatePem;
export const privateKeyPem = made.privateKeyPem;
/** The same key, locked. */
export const lockedKeyPem = made.lockedKeyPem;

function make() {
  if (certificatesMissing !== false) return { certificatePem: '', privateKeyPem: '', lockedKeyPem: '' };
  const authority = new TestAuthority();
  const { chainPem, privateKeyPem } = authority.issue([
    'DNS:example.test',
    'DNS:*.example.test',
    'URI:spiffe://mesh/ns/a/sa/b',
  ]);
  authority.dispose();
  const key = createPrivateKey(privateKeyPem);
  const form = { type: 'pkcs8', format: 'pem' } as const;
  return {
    certificatePem: chainPem,
    privateKeyPem: key.export(form).toString(),
    lockedKeyPem: key.export({ ...form, cipher: 'aes-256-cbc', passphrase: lockedKeyPassword }).toString(),
  };
}
