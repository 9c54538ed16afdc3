import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { httpBootstrap, Mosn } from './support/mosn.ts';

/** What a client with `session` learns: whether it was resumed, and what to resume next time. */
function handshake(port: number, session?: Buffer): Promise<{ readonly resumed: boolean; readonly session: Buffer }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion: 'TLSv1.2' } as const;
    const socket = connect({ ...options, ...(session !== undefined && { session }) }, () => {
      resolve({ resumed: socket.isSessionReused(), session: socket.getSession()! });
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test('each start from a snapshot seals session tickets with a key of its own', {
  skip: certificatesMissing,
}, async (t) => {
  const authority = new TestAuthority();
  t.after(() => authority.dispose());
  const { chainPem, privateKeyPem } = authority.issue(['DNS:example.test']);
  const certificate = { certificate_chain: { inline_string: chainPem }, private_key: { inline_string: privateKeyPem } };
  const tls = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    common_tls_context: { tls_certificates: [certificate] },
  };
  const { bootstrap, parts } = httpBootstrap(1);
  const transport_socket = { name: 'envoy.transport_sockets.tls', typed_config: tls };
  Object.assign(parts.listener.filter_chains[0]!, { transport_socket });
  const [first, second] = await Promise.all([Mosn.start({ bootstrap }), Mosn.start({ bootstrap })]);
  t.after(() => Promise.all([first.stop(), second.stop()]));
  const portOf = async (mosn: Mosn) => Number(new URL(await mosn.url()).port);
  const { session } = await handshake(await portOf(first));
  assert.equal((await handshake(await portOf(first), session)).resumed, true);
  assert.equal((await handshake(await portOf(second), session)).resumed, false);
});
