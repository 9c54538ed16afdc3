import { createSecureContext, getCACertificates, getCiphers } from 'node:tls';
import { CodedError } from '@sofamesh/base/errors';
import type { ClientTls, ServerTls, SubjectAltNameMatch } from '@sofamesh/contract/transport';
import { ClientContext } from './client-tls.ts';
import { compileNameMatch } from './name-match.ts';
import { ServerContexts } from './server-tls.ts';

/** Throws a CodedError where nobody could shake hands with this: a key that is not its certificate's, and the like. */
export function checkServerTls(tls: ServerTls): void {
  ServerContexts.of(tls);
}

export function checkClientTls(tls: ClientTls): void {
  ClientContext.of(tls);
}

/** Throws a CodedError where a regular expression cannot be used. */
export function checkNameMatch(match: SubjectAltNameMatch): void {
  compileNameMatch(match);
}

/** Throws a CodedError where OpenSSL knows no such thing. Cipher suites are those of TLS 1.2. */
export function checkTlsName(kind: 'cipher suite' | 'curve' | 'signature algorithm', name: string): void {
  try {
    if (kind === 'curve') createSecureContext({ ecdhCurve: name });
    else if (kind === 'signature algorithm') createSecureContext({ sigalgs: name });
    else if (name.startsWith('TLS_') || !getCiphers().includes(name.toLowerCase())) throw new Error('not in the list');
  } catch (thrown) {
    throw new CodedError('unknown_name', `is no ${kind} that OpenSSL knows`, { cause: thrown });
  }
}

/** PEM of the authorities that the operating system trusts. */
export function systemAuthoritiesPem(): string {
  return getCACertificates('system').join('\n');
}
