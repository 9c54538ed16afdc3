import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificatePair } from '@sofamesh/contract/transport';

/** Why no certificate can be made on this machine, or false. */
export const certificatesMissing: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

export interface IssueOptions {
  /** Default `ec`: P-256. */
  readonly key?: 'ec' | 'rsa';
  /** `/CN=test` unless another one is given, as OpenSSL writes names. */
  readonly subject?: string;
  /** Ended a day ago. */
  readonly expired?: boolean;
  /** May issue certificates itself; see {@link TestAuthority.subordinate}. */
  readonly authority?: boolean;
  /** More lines of extensions, as OpenSSL's configuration has them. */
  readonly extensions?: readonly string[];
}

/** A certificate authority for one test run, with ECDSA P-256 keys, made by the `openssl` program. */
export class TestAuthority {
  /** Of the root. */
  readonly authorityPem: string;
  readonly #folder: string;
  /** What an issued certificate needs to lead to the root. */
  readonly #intermediatePem: string;
  #issued = 0;

  constructor(
    name = 'test authority',
    above?: CertificatePair & { readonly rootPem: string; readonly chainOf: string },
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), 'test-authority-'));
    if (above !== undefined) {
      writeFileSync(this.#path('ca.pem'), above.chainPem);
      writeFileSync(this.#path('ca.key'), above.privateKeyPem);
      this.authorityPem = above.rootPem;
      this.#intermediatePem = above.chainOf;
      return;
    }
    const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'];
    this.#run(['req', '-x509', '-days', '2', ...newKey('ec', 'ca.key'), ...subject, '-out', 'ca.pem']);
    this.authorityPem = this.#read('ca.pem');
    this.#intermediatePem = '';
  }

  /** `names` as OpenSSL writes them: `DNS:…`, `URI:…`, `IP:…`; none: no such extension. */
  issue(names: readonly string[], options: IssueOptions = {}): CertificatePair {
    const at = `leaf${++this.#issued}`;
    const extensions = names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`;
    const limits = options.authority ? 'basicConstraints=critical,CA:TRUE\n' : '';
    const { key = 'ec', subject = '/CN=test', extensions: more = [] } = options;
    writeFileSync(this.#path(`${at}.ext`), `${limits}${extensions}${more.map((line) => `${line}\n`).join('')}`);
    this.#run(['req', '-utf8', ...newKey(key, `${at}.key`), '-subj', subject, '-out', `${at}.csr`]);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', String(this.#issued), '-extfile', `${at}.ext`];
    this.#run([
      'x509',
      '-req',
      '-days',
      options.expired ? '-1' : '2',
      '-in',
      `${at}.csr`,
      ...signing,
      '-out',
      `${at}.pem`,
    ]);
    return { chainPem: this.#read(`${at}.pem`) + this.#intermediatePem, privateKeyPem: this.#read(`${at}.key`) };
  }

  /** An authority below this one; what it issues comes with its own certificate. */
  subordinate(name = 'test subordinate'): TestAuthority {
    const pair = this.issue([], { subject: `/CN=${name}`, authority: true });
    return new TestAuthority(name, { ...pair, rootPem: this.authorityPem, chainOf: pair.chainPem });
  }

  /** A revocation list (PEM) that names these of its certificates. */
  revoke(revoked: readonly CertificatePair[]): string {
    this.#database([]);
    for (const [at, { chainPem }] of revoked.entries()) {
      writeFileSync(this.#path(`revoked${at}.pem`), chainPem);
      this.#run(['ca', '-config', 'ca.cnf', '-revoke', `revoked${at}.pem`]);
    }
    this.#run(['ca', '-config', 'ca.cnf', '-gencrl', '-crldays', '2', '-out', 'crl.pem']);
    return this.#read('crl.pem');
  }

  /** An OCSP response (DER) that says that a certificate is good, for two days. */
  staple({ chainPem }: CertificatePair): Buffer {
    writeFileSync(this.#path('stapled.pem'), chainPem);
    this.#database([chainPem]);
    const request = ['-issuer', 'ca.pem', '-cert', 'stapled.pem'];
    this.#run(['ocsp', ...request, '-reqout', 'request.der', '-no_nonce']);
    const signer = ['-index', 'index.txt', '-rsigner', 'ca.pem', '-rkey', 'ca.key', '-CA', 'ca.pem'];
    const answer = ['-reqin', 'request.der', '-respout', 'response.der', '-ndays', '2', '-noverify'];
    this.#run(['ocsp', ...signer, ...answer]);
    return readFileSync(this.#path('response.der'));
  }

  /** Removes its files. */
  dispose(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** The files of `openssl ca`, with these certificates in its index. */
  #database(known: readonly string[]): void {
    writeFileSync(
      this.#path('ca.cnf'),
      '[ca]\ndefault_ca=all\n[all]\ndatabase=index.txt\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\n',
    );
    writeFileSync(this.#path('index.txt'), '');
    for (const [at, pem] of known.entries()) {
      writeFileSync(this.#path(`known${at}.pem`), pem);
      const serial = this.#run(['x509', '-in', `known${at}.pem`, '-noout', '-serial'])
        .trim()
        .slice('serial='.length);
      appendFileSync(this.#path('index.txt'), `V\t491231235959Z\t\t${serial}\tunknown\t/CN=test\n`);
    }
  }

  #path(file: string): string {
    return join(this.#folder, file);
  }

  #read(file: string): string {
    return readFileSync(this.#path(file), 'utf8');
  }

  #run(args: readonly string[]): string {
    const options = { cwd: this.#folder, encoding: 'utf8', env: environment } as const;
    const { status, stdout, stderr } = spawnSync('openssl', args, options);
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
    return stdout;
  }
}

/** `openssl x509` reads all authorities that the machine trusts, whatever it is to do, which takes it nine tenths of its time. */
const environment = { ...process.env, SSL_CERT_FILE: '/dev/null' };

function newKey(kind: 'ec' | 'rsa', file: string): string[] {
  const algorithm = kind === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048'];
  return ['-newkey', ...algorithm, '-nodes', '-keyout', file];
}
