import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFor } from '../../peers/install.ts';

export type KeyKind = 'ecdsa' | 'rsa';

export interface Leaf {
  certificateFile: string;
  keyFile: string;
}

/** A certificate authority made with openssl for one test, and what it signs, in a folder of its own. */
export class TestAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), 'authority-'));
  readonly caFile = join(this.folder, 'ca.pem');
  readonly #keyFile = join(this.folder, 'ca-key.pem');
  readonly #index = join(this.folder, 'index.txt');
  #serial = 1;

  constructor(name = 'test authority') {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature'];
    openssl('req', '-x509', '-days', '2', ...newKey('ecdsa', this.#keyFile), ...subject, '-out', this.caFile);
    writeFileSync(this.#index, '');
    writeFileSync(`${this.#index}.attr`, 'unique_subject = no\n');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A leaf with these subject alternative names, e.g. `DNS:a.test` or `URI:spiffe://mesh/a`. */
  issue(name: string, subjectAltNames: readonly string[], kind: KeyKind = 'ecdsa', serial = this.#serial++): Leaf {
    const folder = join(this.folder, `${name}-${serial}`);
    mkdirSync(folder);
    const [request, certificateFile, keyFile] = ['request.pem', 'certificate.pem', 'key.pem'].map((file) =>
      join(folder, file),
    ) as [string, string, string];
    const extensions = join(folder, 'extensions');
    writeFileSync(extensions, `subjectAltName=${subjectAltNames.join(',')}\nbasicConstraints=CA:FALSE\n`);
    openssl('req', '-new', ...newKey(kind, keyFile), '-subj', `/CN=${name}`, '-out', request);
    const signer = ['-CA', this.caFile, '-CAkey', this.#keyFile, '-set_serial', String(serial)];
    const rest = ['-days', '1', '-sha256', '-extfile', extensions];
    openssl('x509', '-req', '-in', request, ...signer, ...rest, '-out', certificateFile);
    const entry = [
      'V',
      '991231235959Z',
      '',
      serial.toString(16).padStart(2, '0').toUpperCase(),
      'unknown',
      `/CN=${name}`,
    ];
    writeFileSync(this.#index, `${entry.join('\t')}\n`, { flag: 'a' });
    return { certificateFile, keyFile };
  }

  /** File of an OCSP response, in DER, that says that the leaf is good for a day. */
  ocspStaple(leaf: Leaf): string {
    const [request, response] = [`${leaf.certificateFile}.ocsp-request`, `${leaf.certificateFile}.ocsp`];
    openssl('ocsp', '-issuer', this.caFile, '-cert', leaf.certificateFile, '-reqout', request);
    const signer = ['-index', this.#index, '-CA', this.caFile, '-rsigner', this.caFile, '-rkey', this.#keyFile];
    openssl('ocsp', ...signer, '-reqin', request, '-respout', response, '-ndays', '1');
    return response;
  }
}

/** A TlsCertificate of Envoy's, inline, so that nobody has to watch files. */
export function inlineCertificate(leaf: Leaf, ocspFile?: string): object {
  return {
    certificate_chain: { inline_string: readFileSync(leaf.certificateFile, 'utf8') },
    private_key: { inline_string: readFileSync(leaf.keyFile, 'utf8') },
    ...(ocspFile && { ocsp_staple: { inline_bytes: readFileSync(ocspFile).toString('base64') } }),
  };
}

function newKey(kind: KeyKind, keyFile: string): string[] {
  const algorithm = kind === 'ecdsa' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048'];
  return ['-newkey', ...algorithm, '-nodes', '-keyout', keyFile];
}

function openssl(...args: string[]): void {
  runFor('openssl', 'openssl', args);
}
