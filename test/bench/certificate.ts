import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runFor } from '../peers/install.ts';

export interface Certificate {
  /** The leaf, then the intermediate authority, as a mesh's workloads show them. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Both in one file, as HAProxy wants it. */
  readonly bothFile: string;
  /** Whom peers have to trust. */
  readonly authorityFile: string;
}

/** A chain for this run alone, in `folder`: root, intermediate and leaf, each with an ECDSA P-256 key. */
export function makeCertificate(folder: string): Certificate {
  const file = (name: string) => join(folder, name);
  const authority = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign';
  issue(folder, 'root', authority, undefined);
  issue(folder, 'intermediate', authority, 'root');
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1,URI:spiffe://cluster.local/ns/bench/sa/default';
  issue(folder, 'leaf', `${names}\nextendedKeyUsage=serverAuth,clientAuth`, 'intermediate');
  const chain = readFileSync(file('leaf.pem'), 'utf8') + readFileSync(file('intermediate.pem'), 'utf8');
  const [certificateFile, keyFile, bothFile] = [file('certificate.pem'), file('leaf.key'), file('both.pem')];
  writeFileSync(certificateFile, chain);
  writeFileSync(bothFile, chain + readFileSync(keyFile, 'utf8'), { mode: 0o600 });
  return { certificateFile, keyFile, bothFile, authorityFile: file('root.pem') };
}

/** `NAME.pem` and `NAME.key`; without an issuer signed by itself. */
function issue(folder: string, name: string, extensions: string, issuer: string | undefined): void {
  const file = (of: string) => join(folder, of);
  writeFileSync(file(`${name}.ext`), `${extensions}\n`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)];
  const subject = name === 'leaf' ? '/CN=localhost' : `/CN=bench ${name}`;
  runFor('openssl', 'openssl', ['req', '-new', ...key, '-subj', subject, '-out', file(`${name}.csr`)]);
  const signer =
    issuer === undefined
      ? ['-signkey', file(`${name}.key`)]
      : ['-CA', file(`${issuer}.pem`), '-CAkey', file(`${issuer}.key`), '-CAcreateserial'];
  const request = ['-req', '-in', file(`${name}.csr`), '-days', '2', '-extfile', file(`${name}.ext`)];
  runFor('openssl', 'openssl', ['x509', ...request, ...signer, '-out', file(`${name}.pem`)]);
}
