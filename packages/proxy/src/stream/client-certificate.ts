import type { RequestHead } from '@sofamesh/contract/message';
import type { TlsSession } from '@sofamesh/contract/transport';
import type { ClientCertificateConfig } from '../config/http-edge.ts';

const header = 'x-forwarded-client-cert';

/**
 * X-Forwarded-Client-Cert: what this hop says about its client's certificate, after what earlier hops said. Nobody without
 * a certificate may say anything (Envoy: forward_client_cert_details). Undefined: the header is left alone.
 */
export function compileClientCertificate(
  config: ClientCertificateConfig,
): ((head: RequestHead, tls: TlsSession | undefined) => void) | undefined {
  const { mode } = config;
  if (mode === 'always-forward-only') return undefined;
  if (mode === 'sanitize') return (head) => head.remove(header);
  // The text is the same for all requests of a connection.
  const texts = new WeakMap<TlsSession, string>();
  return (head, tls) => {
    if (tls?.peerCertificate === undefined) {
      head.remove(header);
      return;
    }
    if (mode === 'forward-only') return;
    let text = texts.get(tls);
    if (text === undefined) texts.set(tls, (text = describe(tls, config)));
    const before = mode === 'append-forward' ? head.get(header) : undefined;
    head.set(header, before === undefined ? text : `${before},${text}`);
  };
}

/** `By=…;Hash=…;Cert="…";Subject="…";URI=…;DNS=…`, in Envoy's order. */
function describe(tls: TlsSession, config: ClientCertificateConfig): string {
  const certificate = tls.peerCertificate!;
  const names = (kind: string) =>
    certificate.subjectAltNames.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  const parts: string[] = [];
  for (const name of tls.localCertificate?.subjectAltNames ?? [])
    if (name.startsWith('URI:')) parts.push(`By=${name.slice(4)}`);
  parts.push(`Hash=${certificate.sha256Hex}`);
  if (config.certificate) parts.push(`Cert="${encodeURIComponent(certificate.pem())}"`);
  if (config.chain) parts.push(`Chain="${encodeURIComponent(certificate.chainPem())}"`);
  if (config.subject) parts.push(`Subject="${quoted(certificate.subject)}"`);
  if (config.uri) {
    const uris = names('URI:');
    parts.push(...(uris.length > 0 ? uris : ['']).map((uri) => `URI=${plain(uri)}`));
  }
  if (config.dns) parts.push(...names('DNS:').map((name) => `DNS=${plain(name)}`));
  return parts.join(';');
}

/** A certificate's owner chooses these texts: they must not end the field that they stand in. */
function quoted(text: string): string {
  return visible(text).replace(/[\\"]/g, (character) => `\\${character}`);
}

function plain(text: string): string {
  return visible(text).replace(/[;,="]/g, (character) => encodeURIComponent(character));
}

function visible(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (character) => encodeURIComponent(character.toWellFormed()));
}
