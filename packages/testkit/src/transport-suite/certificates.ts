import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificatePair } from '@sofamesh/contract/transport';

/** Why no certificate can be made on this machine, or false. */
export const certificatesMissing: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

/** A certificate authority for one test run, with ECDSA P-256 keys, made by the `openssl` program. */
export class TestAuthority {
  readonly authorityPem: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'test-authority-'));
  #issued = 0;

  constructor(name = 'test authority') {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'];
    this.#run(['req', '-x509', '-days', '2', ...newKey('ca.key'), ...subject, '-out', 'ca.pem']);
    this.authorityPem = this.#read('ca.pem');
  }

  /** `names` as OpenSSL writes them: `DNS:…`, `URI:…`, `IP:…`. */
  issue(names: readonly string[]): CertificatePair {
    const at = `leaf${++this.#issued}`;
    writeFileSync(join(this.#folder, `${at}.ext`), `subjectAltName=${names.join(',')}\n`);
    this.#run(['req', ...newKey(`${at}.key`), '-subj', '/CN=test', '-out', `${at}.csr`]);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', String(this.#issued), '-extfile', `${at}.ext`];
    this.#run(['x509', '-req', '-days', '2', '-in', `${at}.csr`, ...signing, '-out', `${at}.pem`]);
    return { chainPem: this.#read(`${at}.pem`), privateKeyPem: this.#read(`${at}.key`) };
  }

  /** Removes its files. */
  dispose(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8');
  }

  #run(args: readonly string[]): void {
    const { status, stderr } = spawnSync('openssl', args, { cwd: this.#folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file];
}
