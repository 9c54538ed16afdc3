import { spawn } from 'node:child_process';
import type { Openssl } from '../../peers/openssl.ts';

const timeoutMs = 10_000;

/** What `openssl s_client` tells of a connection. */
export interface Handshake {
  /** False when the handshake failed or the other side ended it with an alert. */
  ok: boolean;
  resumed: boolean;
  /** `TLSv1.3`. */
  version: string;
  cipher: string;
  /** CN of the certificate that the server showed; empty without one. */
  commonName: string;
  /** `ECDSA` or `RSA-PSS` and the like. */
  signature: string;
  /** Empty when none was agreed on. */
  alpn: string;
  /** What the HTTP request was answered with, status line and all. */
  answer: string;
  output: string;
}

/** One handshake and one HTTP/1.1 request with `path` on the connection. */
export async function sClient(openssl: Openssl, port: number, args: readonly string[], path = '/'): Promise<Handshake> {
  const common = ['s_client', '-connect', `127.0.0.1:${port}`, '-ign_eof'];
  const child = spawn(openssl.binary, [...common, ...args], { timeout: timeoutMs });
  const output = await new Promise<string>((resolve) => {
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('latin1');
      stream.on('data', (chunk: string) => (text += chunk));
    }
    child.stdin.on('error', () => {}); // It ended already.
    child.stdin.end(`GET ${path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n`);
    child.once('close', () => resolve(text));
  });
  const found = (pattern: RegExp) => pattern.exec(output)?.[1] ?? '';
  const cipher = found(/^(?:New|Reused), .*Cipher is (\S+)/m);
  return {
    ok: cipher !== '' && cipher !== '(NONE)' && !/alert|:error:|handshake failure/i.test(output),
    resumed: /^Reused, /m.test(output),
    version: found(/^(?:New|Reused), (\S+), Cipher/m),
    cipher,
    commonName: found(/^subject=.*CN ?= ?(\S+)/m),
    signature: found(/^Peer signature type: (\S+)/m),
    alpn: found(/^ALPN protocol: (\S+)/m),
    answer: found(/(HTTP\/1\.1 \d+[\s\S]*)/),
    output,
  };
}
