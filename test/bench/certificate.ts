import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runFor } from '../peers/install.ts';

export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Both in one file, as HAProxy wants it. */
  readonly bothFile: string;
}

/** A self-signed certificate for this run alone, with an ECDSA P-256 key, in `folder`. */
export function makeCertificate(folder: string): Certificate {
  const certificateFile = join(folder, 'certificate.pem');
  const keyFile = join(folder, 'key.pem');
  const bothFile = join(folder, 'both.pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  runFor('openssl', 'openssl', ['req', '-x509', '-days', '2', ...key, ...subject, '-out', certificateFile]);
  writeFileSync(bothFile, readFileSync(certificateFile, 'utf8') + readFileSync(keyFile, 'utf8'), { mode: 0o600 });
  return { certificateFile, keyFile, bothFile };
}
