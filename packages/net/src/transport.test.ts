import { after } from 'node:test';
import type { ClientTls } from '@sofamesh/contract/transport';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { transportSuite } from '@sofamesh/testkit/transport-suite/index';
import { ipv6Missing, nodeWorld } from './test-support/node-world.ts';

transportSuite('TCP', () => nodeWorld('127.0.0.1', undefined));
transportSuite('TCP on IPv6', () => nodeWorld('::1', undefined), { skip: ipv6Missing });
transportSuite('Unix sockets', () => nodeWorld('unix', undefined), {
  skip: process.platform === 'win32' && 'no Unix sockets',
});

const authority = certificatesMissing === false ? new TestAuthority() : undefined;
const certificate = authority?.issue(['DNS:server.test']);
after(() => authority?.dispose());

for (const bypassTlsStreams of [true, false]) {
  transportSuite(
    bypassTlsStreams ? 'TLS' : 'TLS through the streams of Node',
    () => nodeWorld('127.0.0.1', { server: { certificates: [certificate!] }, client: client() }, { bypassTlsStreams }),
    { skip: certificatesMissing },
  );
}

function client(): ClientTls {
  return {
    serverName: 'server.test',
    verification: {
      authorityPem: authority!.authorityPem,
      subjectAltNames: [{ type: 'DNS', kind: 'exact', value: 'server.test' }],
    },
  };
}
