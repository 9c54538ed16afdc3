import type { CertificatePair, ClientTls, ServerTls, TlsSession } from '@sofamesh/contract/transport';

const authorityLine = 'authority: ';

/**
 * A certificate of the simulated world, where PEM is replaced by readable text and keys need no hiding. `names` as in
 * `TlsSession.peerSubjectAltNames`: `DNS:…`, `URI:…`.
 */
export function simCertificate(authority: string, names: readonly string[]): CertificatePair {
  return { chainPem: [authorityLine + authority, ...names].join('\n'), privateKeyPem: 'simulated' };
}

/** What goes into `authorityPem` and `clientAuthorityPem`: these authorities are trusted. */
export function simAuthorities(...authorities: readonly string[]): string {
  return authorities.map((authority) => authorityLine + authority).join('\n');
}

function namesIn(chainPem: string): string[] {
  return chainPem.split('\n').filter((line) => line.startsWith('DNS:') || line.startsWith('URI:'));
}

function trusted(chainPem: string, authorityPem: string): boolean {
  const authorities = authorityPem.split('\n');
  return chainPem.split('\n').some((line) => line.startsWith(authorityLine) && authorities.includes(line));
}

export type ServerAnswer =
  | { readonly refusal: string }
  | {
      readonly refusal?: undefined;
      readonly server: TlsSession;
      readonly client: TlsSession;
      readonly chainPem: string;
    };

/** The server's half of a handshake: both sessions, or why it does not go on. */
export function answerHello(server: ServerTls, client: ClientTls): ServerAnswer {
  const offered = client.certificate?.chainPem;
  if (offered === undefined && server.requireClientCertificate) return { refusal: 'the client sent no certificate' };
  if (
    offered !== undefined &&
    server.clientAuthorityPem !== undefined &&
    !trusted(offered, server.clientAuthorityPem)
  ) {
    return { refusal: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' };
  }
  const version = [server.maxVersion, client.maxVersion].includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3';
  if (version === 'TLSv1.2' && [server.minVersion, client.minVersion].includes('TLSv1.3')) {
    return { refusal: 'ERR_SSL_UNSUPPORTED_PROTOCOL' };
  }
  const serverName = client.serverName?.toLowerCase();
  const { chainPem } = select(server, serverName);
  const common = { alpn: server.alpn?.find((name) => client.alpn?.includes(name)), serverName, version };
  const asksCertificate = server.requireClientCertificate || server.clientAuthorityPem !== undefined;
  return {
    server: { ...common, peerSubjectAltNames: asksCertificate && offered !== undefined ? namesIn(offered) : [] },
    client: { ...common, peerSubjectAltNames: namesIn(chainPem) },
    chainPem,
  };
}

/** Why the client does not accept the server, or undefined. */
export function judgeServer(client: ClientTls, chainPem: string): string | undefined {
  if (client.authorityPem !== undefined && !trusted(chainPem, client.authorityPem)) {
    return 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  }
  const wanted = client.subjectAltNames ?? [];
  if (wanted.length === 0 || namesIn(chainPem).some((name) => wanted.includes(name.slice(4)))) return undefined;
  return "none of the server's names is wanted";
}

function select({ certificates }: ServerTls, serverName: string | undefined): CertificatePair {
  const wildcard = `*${serverName?.slice(serverName.indexOf('.'))}`;
  const holds = (name: string) => certificates.find(({ chainPem }) => namesIn(chainPem).includes(`DNS:${name}`));
  return holds(serverName ?? '') ?? holds(wildcard) ?? certificates[0]!;
}
