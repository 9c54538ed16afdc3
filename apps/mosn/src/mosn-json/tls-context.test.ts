import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { readBootstrap } from '../config/bootstrap.ts';
import { certificatePem, certificatesMissing, privateKeyPem } from '../config/test-support/certificate.ts';
import { extensions, registry } from '../config/test-support/readers.ts';
import { convertMosnConfig } from './mosn-config.ts';

const own = { cert_chain: certificatePem, private_key: privateKeyPem };

function read(listener: JsonObject, cluster: JsonObject) {
  const filters = [{ type: 'tcp_proxy', config: { cluster: 'app' } }];
  const json: JsonObject = {
    servers: [
      {
        listeners: [{ name: 'in', address: '127.0.0.1:0', bind_port: true, filter_chains: [{ filters, ...listener }] }],
      },
    ],
    cluster_manager: { clusters: [{ name: 'app', hosts: [{ address: '127.0.0.1:80' }], ...cluster }] },
  };
  const { bootstrap, warnings } = convertMosnConfig(json, () => []);
  const { listeners, clusters } = readBootstrap(
    [{ text: JSON.stringify(bootstrap), origin: 'converted' }],
    registry,
    extensions,
  );
  return { server: listeners[0]!.read.config.filterChains[0]!.tls, client: clusters[0]!.read.config.tls, warnings };
}

describe('TLS contexts of MOSN', { skip: certificatesMissing }, () => {
  test('of a listener, with all that can be said', () => {
    const { server } = read(
      {
        tls_context: {
          status: true,
          ...own,
          ca_cert: certificatePem,
          verify_client: true,
          require_client_cert: true,
          alpn: 'h2, http/1.1',
          min_version: 'tlsv1_2',
          max_version: 'TLSv1_3',
          ecdh_curves: 'x25519,P256',
          cipher_suites: 'ECDHE-ECDSA-AES256-GCM-SHA384:RSA-AES128-CBC-SHA:AES128-GCM-SHA256',
        },
      },
      {},
    );
    assert.equal(server?.requireClientCertificate, true);
    assert.deepEqual(server?.alpn, ['h2', 'http/1.1']);
    assert.deepEqual(server?.curves, ['X25519', 'P-256']);
    assert.deepEqual(server?.cipherSuites, ['ECDHE-ECDSA-AES256-GCM-SHA384', 'AES128-SHA']);
    assert.deepEqual([server?.minVersion, server?.maxVersion], ['TLSv1.2', 'TLSv1.3']);
    assert.equal(server?.verification?.authorityPem, certificatePem);
  });

  test('of a listener, several of a set', () => {
    const { server } = read(
      {
        tls_context_set: [
          { status: true, ...own },
          { status: true, ...own, server_name: 'b' },
        ],
      },
      {},
    );
    assert.equal(server?.certificates.length, 2);
  });

  test('a client certificate that nobody checks is not asked for', () => {
    const { server, warnings } = read({ tls_context: { status: true, ...own, require_client_cert: true } }, {});
    assert.equal(server?.requireClientCertificate, false);
    assert.match(warnings.join('\n'), /require_client_cert: true: has no effect without verify_client/);
  });

  test('of a cluster: the server is who it is said to be', () => {
    const { client } = read(
      {},
      { tls_context: { status: true, server_name: 'app.test', ca_cert: certificatePem, ...own } },
    );
    assert.equal(client?.serverName, 'app.test');
    assert.equal(client?.verification?.authorityPem, certificatePem);
    assert.equal(client?.verification?.subjectAltNames?.length, 1);
    assert.notEqual(client?.certificate, undefined);
  });

  test('of a cluster without an authority: those of the system', () => {
    const { client } = read({}, { tls_context: { status: true, server_name: '10.0.0.1' } });
    assert.equal(client?.serverName, undefined);
    assert.notEqual(client?.verification?.authorityPem, undefined);
    assert.equal(client?.verification?.subjectAltNames?.[0]?.type, 'IP');
  });

  test('of a cluster that trusts everybody', () => {
    const { client } = read({}, { tls_context: { status: true, insecure_skip: true } });
    assert.notEqual(client, undefined);
    assert.equal(client?.verification, undefined);
  });

  test('off, and for no host', () => {
    assert.equal(read({ tls_context: {} }, { tls_context: { ca_cert: 'x' } }).client, undefined);
    const { client, server } = read(
      {},
      { tls_context: { status: true, insecure_skip: true }, hosts: [{ address: 'unix:/a', tls_disable: true }] },
    );
    assert.deepEqual([client, server], [undefined, undefined]);
  });

  test('plain text is never what is left when TLS fails', () => {
    const { warnings } = read({ tls_context: { status: true, ...own, fall_back: true } }, {});
    assert.match(warnings.join('\n'), /fall_back: true: has no effect: this proxy never goes on in plain text/);
  });
});
