// TLS as openssl and curl see it: certificates, versions, ciphers, client certificates, resumption, stapling, one port for
// TLS and plaintext, a certificate that changes under load; and TLS to upstreams.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ensureCurl } from '../peers/curl.ts';
import { ensureOpenssl } from '../peers/openssl.ts';
import { requirePeers } from '../peers/peer.ts';
import { freePort } from '../peers/ports.ts';
import type { Chain, Listener } from './support/bootstrap.ts';
import { inlineCertificate, type Leaf, TestAuthority } from './support/certificates.ts';
import { TestControlPlane } from './support/control-plane.ts';
import { callCurl } from './support/curl-call.ts';
import { HttpOrigin } from './support/http-origin.ts';
import { proxyKind, type RunningProxy, startProxy } from './support/proxy.ts';
import { RawConnection } from './support/raw-connection.ts';
import { type Handshake, sClient } from './support/s-client.ts';
import { SteadyLoad } from './support/steady-load.ts';

const { peers, skip } = await requirePeers({ openssl: ensureOpenssl, curl: ensureCurl });
const tlsInspector = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector' },
};

describe('TLS', { skip }, () => {
  const authority = new TestAuthority();
  const stranger = new TestAuthority('stranger');
  const leafs = {
    a: authority.issue('a.test', ['DNS:a.test']),
    aRsa: authority.issue('a.test', ['DNS:a.test'], 'rsa'),
    b: authority.issue('b.test', ['DNS:*.b.test']),
    other: authority.issue('other.test', ['DNS:other.test', 'IP:127.0.0.1']),
    client: authority.issue('client', ['URI:spiffe://mesh.test/ns/shop/sa/client']),
    wrongName: authority.issue('wrong', ['URI:spiffe://mesh.test/ns/shop/sa/wrong']),
    strangeClient: stranger.issue('client', ['URI:spiffe://mesh.test/ns/shop/sa/client']),
    upstream: authority.issue('upstream', ['DNS:upstream.test']),
  };
  const token = '/plain/token/word';
  let origins: HttpOrigin[] = [];
  let proxy: RunningProxy;

  /** A TLS context with these certificates. */
  const context = (certificates: readonly Leaf[], more: object = {}, params: object = {}) => ({
    common_tls_context: {
      alpn_protocols: ['h2', 'http/1.1'],
      tls_certificates: certificates.map((leaf) => inlineCertificate(leaf)),
      tls_params: params,
      ...more,
    },
  });
  const trust = { validation_context: { trusted_ca: { filename: authority.caFile } } };
  const validation = {
    validation_context: {
      ...trust.validation_context,
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: 'spiffe://mesh.test/ns/shop/sa/client' } }],
    },
  };

  const shake = (listener: string, ...args: string[]): Promise<Handshake> =>
    sClient(peers!.openssl, proxy.port(listener), ['-CAfile', authority.caFile, ...args], token);
  const curl = (listener: string, path: string, ...args: string[]) => {
    const resolve = ['a.test', 'x.b.test'].flatMap((name) => [
      '--resolve',
      `${name}:${proxy.port(listener)}:127.0.0.1`,
    ]);
    const url = `https://a.test:${proxy.port(listener)}${path}`;
    return callCurl(peers!.curl, '--cacert', authority.caFile, ...resolve, ...args, url);
  };
  const certificate = ({ certificateFile, keyFile }: Leaf) => ['--cert', certificateFile, '--key', keyFile];

  before(async () => {
    const { certificateFile, keyFile } = leafs.upstream;
    const originTls = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
    const mutual = { ...originTls, ca: readFileSync(authority.caFile), requestCert: true, rejectUnauthorized: true };
    const [plain, secure1, secure2, demanding] = (origins = [
      await HttpOrigin.start('http1'),
      await HttpOrigin.start('http1', originTls),
      await HttpOrigin.start('http2', originTls),
      await HttpOrigin.start('http1', mutual),
    ]) as [HttpOrigin, HttpOrigin, HttpOrigin, HttpOrigin];
    const upstreamTls = (caFile: string, name: string, more: object = {}) => ({
      sni: 'upstream.test',
      common_tls_context: {
        validation_context: {
          trusted_ca: { filename: caFile },
          match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: name } }],
        },
        ...more,
      },
    });
    const good = upstreamTls(authority.caFile, 'upstream.test');
    const clusters = [
      { name: 'plain', ports: [plain.port] },
      { name: 'secure1', ports: [secure1.port], tls: good },
      {
        name: 'secure2',
        ports: [secure2.port],
        protocol: 'http2' as const,
        tls: upstreamTls(authority.caFile, 'upstream.test', { alpn_protocols: ['h2'] }),
      },
      { name: 'wrong-ca', ports: [secure1.port], tls: upstreamTls(stranger.caFile, 'upstream.test') },
      { name: 'wrong-name', ports: [secure1.port], tls: upstreamTls(authority.caFile, 'other.test') },
      {
        name: 'mutual',
        ports: [demanding.port],
        tls: upstreamTls(authority.caFile, 'upstream.test', { tls_certificates: [inlineCertificate(leafs.client)] }),
      },
      { name: 'no-certificate', ports: [demanding.port], tls: good },
    ];
    const routes = clusters.map(({ name }) => ({ match: { prefix: `/${name}/` }, cluster: name }));
    const listener = (name: string, ...chains: Chain[]): Listener => ({
      name,
      protocol: 'http',
      routes,
      chains,
      listenerFilters: chains.some(({ match }) => match) ? [tlsInspector] : [],
    });
    const only = (version: string) => ({
      tls_minimum_protocol_version: version,
      tls_maximum_protocol_version: version,
    });
    const staple = { tls_certificates: [inlineCertificate(leafs.a, authority.ocspStaple(leafs.a))] };
    proxy = await startProxy({
      listeners: [
        listener(
          'sni',
          { match: { server_names: ['a.test'] }, tls: context([leafs.a, leafs.aRsa]) },
          { match: { server_names: ['*.b.test'] }, tls: context([leafs.b]) },
          { tls: context([leafs.other]) },
        ),
        listener('old', {
          tls: context([leafs.a], {}, { ...only('TLSv1_2'), cipher_suites: ['ECDHE-ECDSA-AES128-GCM-SHA256'] }),
        }),
        listener('new', { tls: context([leafs.a], {}, { ...only('TLSv1_3'), ecdh_curves: ['P-256'] }) }),
        listener('required', { tls: { ...context([leafs.a], validation), require_client_certificate: true } }),
        listener('optional', { tls: context([leafs.a], trust) }),
        listener('named', { tls: context([leafs.a], validation) }),
        listener(
          'mixed',
          { match: { transport_protocol: 'tls' }, tls: context([leafs.a]) },
          { match: { transport_protocol: 'raw_buffer' } },
        ),
        listener('staple', { tls: context([leafs.a], staple) }),
      ],
      clusters,
    });
  });
  after(async () => {
    await proxy?.stop();
    for (const origin of origins) origin.stop();
    authority.remove();
    stranger.remove();
  });

  function assertServed(handshake: Handshake): void {
    assert.ok(handshake.ok, handshake.output);
    assert.match(handshake.answer, /^HTTP\/1\.1 200[\s\S]*word/, handshake.output);
  }

  test('the name that the client asks for picks the certificate', async () => {
    const names = { 'a.test': 'a.test', 'x.b.test': 'b.test', 'B.b.test': 'b.test', 'unknown.test': 'other.test' };
    for (const [name, commonName] of Object.entries(names)) {
      const handshake = await shake('sni', '-servername', name);
      assertServed(handshake);
      assert.equal(handshake.commonName, commonName, name);
    }
    assert.equal((await shake('sni', '-noservername')).commonName, 'other.test');
  });

  test('of two certificates the one whose key the client can use', async () => {
    for (const [kind, cipher] of [
      ['ECDSA', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
      ['RSA', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ] as const) {
      const handshake = await shake('sni', '-servername', 'a.test', '-tls1_2', '-cipher', cipher);
      assertServed(handshake);
      assert.equal(handshake.cipher, cipher);
      assert.match(handshake.signature, new RegExp(`^${kind}`));
    }
  });

  test('versions', async () => {
    const old = await shake('old', '-tls1_2');
    assertServed(old);
    assert.equal(old.version, 'TLSv1.2');
    assert.equal((await shake('old', '-tls1_3')).ok, false);
    assert.equal((await shake('old', '-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0')).ok, false);
    const young = await shake('new', '-tls1_3');
    assertServed(young);
    assert.equal(young.version, 'TLSv1.3');
    assert.equal((await shake('new', '-tls1_2')).ok, false);
  });

  test('ciphers and curves', async () => {
    const allowed = await shake('old', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256');
    assertServed(allowed);
    assert.equal((await shake('old', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305')).ok, false);
    assertServed(await shake('new', '-groups', 'P-256'));
    assert.equal((await shake('new', '-groups', 'X25519')).ok, false);
  });

  test('ALPN', async () => {
    assert.equal((await shake('sni', '-servername', 'a.test', '-alpn', 'h2,http/1.1')).alpn, 'h2');
    const first = await shake('sni', '-servername', 'a.test', '-alpn', 'http/1.1');
    assertServed(first);
    assert.equal(first.alpn, 'http/1.1');
    const none = await shake('sni', '-servername', 'a.test', '-alpn', 'gopher');
    assertServed(none);
    assert.equal(none.alpn, '');
  });

  test('a client certificate that is required', async () => {
    for (const version of ['--tls-max 1.2', '--tlsv1.3']) {
      const flags = version.split(' ');
      const good = await curl('required', token, ...flags, ...certificate(leafs.client));
      assert.deepEqual([good.exit, good.body.toString()], [0, 'word'], version);
      for (const [why, args] of Object.entries({
        'no certificate': [],
        'another authority': certificate(leafs.strangeClient),
        'another name': certificate(leafs.wrongName),
      })) {
        const refused = await curl('required', token, ...flags, ...args);
        assert.notEqual(refused.exit, 0, `${version}, ${why}`);
        assert.equal(refused.body.length, 0);
      }
    }
    assert.ok((await proxy.stat(/^listener\.required\.ssl\.fail_verify_no_cert$/)) >= 2);
    assert.ok((await proxy.stat(/^listener\.required\.ssl\.fail_verify_san$/)) >= 2);
    assert.ok((await proxy.stat(/^listener\.required\.ssl\.fail_verify_error$/)) >= 2);
  });

  test('a client certificate that may be missing, but not wrong', async () => {
    assert.equal((await curl('optional', token)).status, 200);
    assert.equal((await curl('optional', token, ...certificate(leafs.client))).status, 200);
    assert.notEqual((await curl('optional', token, ...certificate(leafs.strangeClient))).exit, 0);
    // Names that have to match cannot be had without a certificate.
    assert.equal((await curl('named', token, ...certificate(leafs.client))).status, 200);
    assert.notEqual((await curl('named', token)).exit, 0);
  });

  test('sessions are resumed, by TLS 1.2 and 1.3', async () => {
    for (const version of ['-tls1_2', '-tls1_3']) {
      const session = join(authority.folder, `session${version}`);
      const first = await shake('sni', '-servername', 'a.test', version, '-sess_out', session);
      assertServed(first);
      assert.equal(first.resumed, false);
      const second = await shake('sni', '-servername', 'a.test', version, '-sess_in', session);
      assertServed(second);
      assert.equal(second.resumed, true, version);
    }
    assert.ok((await proxy.stat(/^listener\.sni\.ssl\.session_reused$/)) >= 2);
  });

  test('an OCSP response is stapled for a client that asks', async () => {
    const { output } = await shake('staple', '-servername', 'a.test', '-status');
    assert.match(output, /OCSP Response Status: successful/);
    assert.match(output, /Cert Status: good/);
    assert.doesNotMatch((await shake('staple', '-servername', 'a.test')).output, /OCSP Response Status/);
  });

  test('one port takes TLS and plaintext', async () => {
    assertServed(await shake('mixed', '-servername', 'a.test'));
    const plain = await callCurl(peers!.curl, `http://${proxy.address('mixed')}${token}`);
    assert.deepEqual([plain.status, plain.body.toString()], [200, 'word']);
  });

  test('plaintext on a TLS port gets nothing', async () => {
    const errors = await proxy.stat(/^listener\.new\.ssl\.connection_error$/);
    for (const bytes of ['GET / HTTP/1.1\r\nhost: a\r\n\r\n', `\x16\x03\x01\xff\xff${'x'.repeat(70_000)}`]) {
      const connection = await RawConnection.open(proxy.port('new'));
      connection.send(bytes);
      assert.doesNotMatch((await connection.closed(10_000)).toString('latin1'), /HTTP/);
    }
    assert.ok((await proxy.stat(/^listener\.new\.ssl\.connection_error$/)) > errors);
    assertServed(await shake('new'));
  });

  test('handshakes are counted', async () => {
    const before = await proxy.stat(/^listener\.new\.ssl\.handshake$/);
    for (let n = 0; n < 3; n++) assertServed(await shake('new'));
    assert.equal(await proxy.stat(/^listener\.new\.ssl\.handshake$/), before + 3);
  });

  test('upstreams over TLS: both protocols, verified', async () => {
    for (const [cluster, status] of [
      ['secure1', 200],
      ['secure2', 200],
      ['mutual', 200],
      ['wrong-ca', 503],
      ['wrong-name', 503],
      ['no-certificate', 503],
    ] as const)
      assert.equal((await curl('sni', `/${cluster}/token/word`)).status, status, cluster);
    const echo = await curl('sni', '/secure2/echo/x');
    assert.equal(JSON.parse(echo.body.toString()).httpVersion, '2.0');
    assert.ok((await proxy.stat(/^cluster\.wrong-ca\.ssl\.fail_verify_error$/)) > 0);
    assert.ok((await proxy.stat(/^cluster\.wrong-name\.ssl\.fail_verify_san$/)) > 0);
  });

  test('a certificate that changes under load', async () => {
    const [port, controlPlane] = [await freePort(), await TestControlPlane.start()];
    const origin = origins[0]!;
    const routes = [{ match: { prefix: '/' }, cluster: 'plain' }];
    const listener = (leaf: Leaf): Listener => ({
      name: 'changing',
      protocol: 'http',
      port,
      routes,
      chains: [{ tls: context([leaf]) }],
    });
    const before = authority.issue('before', ['DNS:a.test']);
    const mesh = { listeners: [listener(before)], clusters: [{ name: 'plain', ports: [origin.port] }] };
    const changing = await startProxy(mesh, proxyKind, { controlPlane });
    const options = { ca: readFileSync(authority.caFile), serverName: 'a.test' };
    const loads = (['h1 over TLS', 'h2 over TLS'] as const).map(
      (dialect) => new SteadyLoad(dialect, () => [port], '/plain/token', 4, options),
    );
    try {
      const shown = async () => (await sClient(peers!.openssl, port, ['-servername', 'a.test'], token)).commonName;
      assert.equal(await shown(), 'before');
      for (let n = 1; n <= 3; n++) {
        await changing.change(controlPlane, [listener(authority.issue(`after-${n}`, ['DNS:a.test']))]);
        await changing.process.until('showing the certificate', async () => (await shown()) === `after-${n}`);
        const answered = loads.map((load) => load.answered);
        await changing.process.until('answering', () => loads.every((load, at) => load.answered > answered[at]! + 20));
      }
      for (const load of loads) {
        const { lost, answered } = await load.stop();
        assert.deepEqual(lost, [], `${lost.length} of ${answered} lost`);
      }
    } finally {
      for (const load of loads) await load.stop();
      await changing.stop();
      await controlPlane.stop();
    }
  });

  for (const source of ['ADS', 'a server of their own'] as const) {
    test(`certificates and authorities from ${source}, which change under load`, async () => {
      const [port, controlPlane] = [await freePort(), await TestControlPlane.start()];
      const service = {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'control-plane' } }],
      };
      const sds_config = {
        ...(source === 'ADS' ? { ads: {} } : { api_config_source: service }),
        resource_api_version: 'V3',
      };
      const serve = (leaf: Leaf, caFile: string) =>
        controlPlane.serve('secrets', [
          { name: 'default', tls_certificate: inlineCertificate(leaf) },
          { name: 'ROOTCA', validation_context: { trusted_ca: { inline_string: readFileSync(caFile, 'utf8') } } },
        ]);
      const tls = {
        common_tls_context: {
          alpn_protocols: ['h2', 'http/1.1'],
          tls_certificate_sds_secret_configs: [{ name: 'default', sds_config }],
          validation_context_sds_secret_config: { name: 'ROOTCA', sds_config },
        },
      };
      const routes = [{ match: { prefix: '/' }, cluster: 'plain' }];
      const listeners: Listener[] = [{ name: 'by-sds', protocol: 'http', port, routes, chains: [{ tls }] }];
      const mesh = { listeners, clusters: [{ name: 'plain', ports: [origins[0]!.port] }] };
      serve(authority.issue('before', ['DNS:a.test']), authority.caFile);
      const changing = await startProxy(mesh, proxyKind, { controlPlane });
      const options = { ca: readFileSync(authority.caFile), serverName: 'a.test' };
      const loads = (['h1 over TLS', 'h2 over TLS'] as const).map(
        (dialect) => new SteadyLoad(dialect, () => [port], '/plain/token', 4, options),
      );
      try {
        const shown = (...args: string[]) =>
          sClient(peers!.openssl, port, ['-servername', 'a.test', '-CAfile', authority.caFile, ...args], token);
        assertServed(await shown(...certificate(leafs.client).map((arg) => arg.replace(/^--/, '-'))));
        for (let n = 1; n <= 3; n++) {
          serve(authority.issue(`by-sds-${n}`, ['DNS:a.test']), authority.caFile);
          await changing.process.until('showing it', async () => (await shown()).commonName === `by-sds-${n}`);
          const answered = loads.map((load) => load.answered);
          await changing.process.until('answering', () =>
            loads.every((load, at) => load.answered > answered[at]! + 20),
          );
        }
        serve(authority.issue('last', ['DNS:a.test']), stranger.caFile);
        await changing.process.until('showing the last', async () => (await shown()).commonName === 'last');
        const as = async (leaf: Leaf) => (await shown('-cert', leaf.certificateFile, '-key', leaf.keyFile)).answer;
        assert.match(await as(leafs.strangeClient), /^HTTP\/1\.1 200/);
        assert.equal(await as(leafs.client), '');
        for (const load of loads) {
          const { lost, answered } = await load.stop();
          assert.deepEqual(lost, [], `${lost.length} of ${answered} lost`);
        }
      } finally {
        for (const load of loads) await load.stop();
        await changing.stop();
        await controlPlane.stop();
      }
    });
  }
});
