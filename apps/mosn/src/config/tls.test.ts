import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { create, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { AnySchema, type Duration, DurationSchema } from '@bufbuild/protobuf/wkt';
import { TransportSocketSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { SecretSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { Secrets } from './secrets.ts';
import {
  certificatePem,
  certificatesMissing,
  lockedKeyPassword,
  lockedKeyPem,
  privateKeyPem,
} from './test-support/certificate.ts';
import { readClientTls, readServerTls } from './tls.ts';

const inline = (text: string) => ({ inline_string: text });
const certificate = { certificate_chain: inline(certificatePem), private_key: inline(privateKeyPem) };
const authority = { trusted_ca: inline(certificatePem) };
const folder = mkdtempSync(join(tmpdir(), 'tls-config-'));
after(() => rmSync(folder, { recursive: true }));

function socketOf(schema: typeof DownstreamTlsContextSchema | typeof UpstreamTlsContextSchema, json: JsonObject) {
  const value =
    schema.name === 'DownstreamTlsContext'
      ? toBinary(DownstreamTlsContextSchema, fromJson(DownstreamTlsContextSchema, json))
      : toBinary(UpstreamTlsContextSchema, fromJson(UpstreamTlsContextSchema, json));
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: {
      case: 'typedConfig',
      value: create(AnySchema, { typeUrl: `type.googleapis.com/${schema.typeName}`, value }),
    },
  });
}

const secrets = new Secrets(
  [
    { name: 'cert', tls_certificate: certificate },
    { name: 'ca', validation_context: { ...authority, match_typed_subject_alt_names: [san('URI', { exact: 'b' })] } },
    { name: 'tickets', session_ticket_keys: { keys: [{ inline_bytes: Buffer.alloc(80, 7).toString('base64') }] } },
  ].map((json) => fromJson(SecretSchema, json)),
);

function san(type: string, matcher: JsonObject): JsonObject {
  return { san_type: type, matcher };
}

function server(common: JsonObject, more: JsonObject = {}, timeout?: Duration) {
  const ignored: string[] = [];
  const socket = socketOf(DownstreamTlsContextSchema, {
    common_tls_context: { tls_certificates: [certificate], ...common },
    ...more,
  });
  const tls = readServerTls(socket, timeout, 'socket', { secrets, ignored: (path) => ignored.push(path) });
  return { tls: tls!, ignored };
}

function client(json: JsonObject) {
  const ignored: string[] = [];
  const context = { secrets, ignored: (path: string) => ignored.push(path) };
  return { tls: readClientTls(socketOf(UpstreamTlsContextSchema, json), 'socket', context)!, ignored };
}

const verified = (validation: JsonObject) => server({ validation_context: validation }).tls.verification;

describe('TLS of a listener', { skip: certificatesMissing }, () => {
  test('has safe defaults', () => {
    const { tls, ignored } = server({});
    const { certificates, ticketKey, ...rest } = tls;
    assert.deepEqual(rest, { requireClientCertificate: false, ocspPolicy: 'lenient' });
    assert.deepEqual(ignored, []);
    assert.equal(ticketKey!.length, 48);
    const expiresMs = new X509Certificate(certificatePem).validToDate.getTime();
    assert.deepEqual(certificates, [{ chainPem: certificatePem, privateKeyPem, expiresMs }]);
    assert.equal(readServerTls(undefined, undefined, 'socket', { ignored() {} }), undefined);
  });

  test('knows the files of certificates and authorities', () => {
    const file = join(folder, 'chain.pem');
    writeFileSync(file, certificatePem);
    const { tls } = server({
      tls_certificates: [{ ...certificate, certificate_chain: { filename: file } }, certificate],
      validation_context: { trusted_ca: { filename: file } },
    });
    const paths = tls.certificates.map(({ chainPath }) => chainPath);
    assert.deepEqual([...paths, tls.verification?.authorityPath], [file, undefined, file]);
    assert.equal(server({ validation_context: authority }).tls.verification?.authorityPath, undefined);
  });

  test('takes all that can be set', () => {
    const { tls } = server(
      {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_params: {
          tls_minimum_protocol_version: 'TLSv1_2',
          tls_maximum_protocol_version: 'TLSv1_3',
          cipher_suites: ['[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]', 'AES128-GCM-SHA256'],
          ecdh_curves: ['P-384'],
          signature_algorithms: ['ecdsa_secp256r1_sha256'],
        },
        key_log: { path: '/tmp/keys', local_address_range: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
      },
      {
        require_client_certificate: true,
        require_sni: true,
        session_timeout: '90.5s',
        ocsp_staple_policy: 'MUST_STAPLE',
        disable_stateless_session_resumption: true,
        disable_stateful_session_resumption: true,
      },
      create(DurationSchema, { seconds: 3n }),
    );
    const { certificates: _, ...rest } = tls;
    assert.deepEqual(rest, {
      alpn: ['h2', 'http/1.1'],
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      cipherSuites: ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'AES128-GCM-SHA256'],
      curves: ['P-384'],
      signatureAlgorithms: ['ecdsa_secp256r1_sha256'],
      keyLog: { path: '/tmp/keys', localRanges: ['10.0.0.0/8'], remoteRanges: [] },
      requireClientCertificate: true,
      requireServerName: true,
      handshakeTimeoutMs: 3000,
      sessionTimeoutS: 90,
      ocspPolicy: 'must',
    });
  });

  test('seals tickets with one key for as long as the rules for clients are the same', () => {
    const key = (common: JsonObject, more: JsonObject = {}) => Buffer.from(server(common, more).tls.ticketKey!);
    assert.deepEqual(key({}), key({ alpn_protocols: ['h2'] }));
    assert.notDeepEqual(key({}), key({}, { require_client_certificate: true }));
    assert.notDeepEqual(key({}), key({ validation_context: authority }));
    const keys = (...all: Buffer[]) => ({
      session_ticket_keys: { keys: all.map((each) => ({ inline_bytes: each.toString('base64') })) },
    });
    assert.deepEqual(
      key({}, keys(Buffer.alloc(80, 7))),
      key({ validation_context: authority }, keys(Buffer.alloc(80, 7))),
    );
    assert.deepEqual(
      key({}, keys(Buffer.alloc(80, 7))),
      key({}, { session_ticket_keys_sds_secret_config: { name: 'tickets' } }),
    );
    assert.notDeepEqual(key({}, keys(Buffer.alloc(80, 7))), key({}, keys(Buffer.alloc(80, 8))));
    const { ignored, tls } = server({}, keys(Buffer.alloc(80, 7), Buffer.alloc(80, 8)));
    assert.deepEqual(ignored, []);
    assert.deepEqual(Buffer.from(tls.ticketKey!), key({}, keys(Buffer.alloc(80, 7))));
    assert.deepEqual(
      tls.olderTicketKeys!.map((each) => Buffer.from(each)),
      [key({}, keys(Buffer.alloc(80, 8)))],
    );
  });

  test('reads who a client must be', () => {
    const hash = createHash('sha256').update('x').digest();
    const colons = hash.toString('hex').toUpperCase().match(/../g)!.join(':');
    assert.deepEqual(
      verified({
        ...authority,
        verify_certificate_hash: [hash.toString('hex'), colons],
        verify_certificate_spki: [hash.toString('base64')],
        match_typed_subject_alt_names: [
          san('URI', { prefix: 'spiffe://mesh/' }),
          san('DNS', { suffix: '.test', ignore_case: true }),
          san('EMAIL', { contains: '@' }),
          san('IP_ADDRESS', { safe_regex: { regex: '10\\..*' } }),
        ],
        match_subject_alt_names: [{ exact: 'a' }],
        max_verify_depth: 3,
        trust_chain_verification: 'ACCEPT_UNTRUSTED',
      }),
      {
        authorityPem: certificatePem,
        acceptUntrusted: true,
        authoritiesMax: 3,
        subjectAltNames: [
          { type: 'URI', kind: 'prefix', value: 'spiffe://mesh/' },
          { type: 'DNS', kind: 'suffix', value: '.test', ignoreCase: true },
          { type: 'EMAIL', kind: 'contains', value: '@' },
          { type: 'IP', kind: 'regex', value: '10\\..*' },
          { kind: 'exact', value: 'a' },
        ],
        certificateSha256: [hash.toString('hex'), hash.toString('hex')],
        spkiSha256: [hash.toString('base64')],
      },
    );
    assert.deepEqual(verified({ verify_certificate_hash: [hash.toString('hex')] }), {
      certificateSha256: [hash.toString('hex')],
    });
    assert.ok((verified({ system_root_certs: {} })?.authorityPem?.length ?? 0) > 1000);
  });

  test('requires a certificate of a client who must have a name, or a hash', () => {
    const required = (validation: JsonObject) =>
      server({ validation_context: validation }).tls.requireClientCertificate;
    const names = { ...authority, match_typed_subject_alt_names: [san('URI', { exact: 'a' })] };
    assert.equal(required(authority), false);
    assert.equal(required(names), true);
    assert.equal(required({ verify_certificate_hash: ['00'.repeat(32)] }), true);
    assert.equal(required({ ...names, trust_chain_verification: 'ACCEPT_UNTRUSTED' }), false);
  });

  test('opens a locked key', () => {
    const locked = { ...certificate, private_key: inline(lockedKeyPem), password: inline(lockedKeyPassword) };
    assert.equal(server({ tls_certificates: [locked] }).tls.certificates[0]!.privateKeyPem, privateKeyPem);
  });

  test('finds secrets by their names, in the bootstrap and in files', () => {
    const named = server({
      tls_certificates: [],
      tls_certificate_sds_secret_configs: [{ name: 'cert' }],
      validation_context_sds_secret_config: { name: 'ca' },
    }).tls;
    assert.equal(named.certificates[0]!.name, 'cert');
    assert.equal(named.certificates[0]!.privateKeyPem, privateKeyPem);
    assert.deepEqual(named.verification!.subjectAltNames, [{ type: 'URI', kind: 'exact', value: 'b' }]);
    const combined = server({
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [san('DNS', { exact: 'a' })],
          max_verify_depth: 2,
        },
        validation_context_sds_secret_config: { name: 'ca' },
      },
    }).tls.verification!;
    assert.deepEqual(
      [combined.authorityPem, combined.authoritiesMax, combined.subjectAltNames?.map(({ value }) => value)],
      [certificatePem, 2, ['a', 'b']],
    );
    const path = join(folder, 'secret.yaml');
    const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
    const resources = [
      { '@type': type, name: 'other', validation_context: authority },
      { '@type': type, name: 'filed', tls_certificate: certificate },
    ];
    writeFileSync(path, JSON.stringify({ resources }));
    const inFile = (name: string, source: JsonObject = { path_config_source: { path } }) =>
      server({ tls_certificates: [], tls_certificate_sds_secret_configs: [{ name, sds_config: source }] }).tls;
    assert.equal(inFile('filed').certificates[0]!.name, 'filed');
    assert.equal(inFile('filed', { path }).certificates[0]!.name, 'filed');
    assert.throws(() => inFile('other'), /"other": is a validation_context, not a tls_certificate/);
    assert.throws(() => inFile('nobody'), /has no secret "nobody"/);
    assert.throws(() => inFile('x', { path_config_source: { path: join(folder, 'none') } }), /none": ENOENT/);
    writeFileSync(
      path,
      JSON.stringify({ resources: [{ '@type': type, tls_certificate: { private_key: 'very secret' } }] }),
    );
    assert.throws(
      () => inFile('filed'),
      (error: Error) => /is no secret/.test(error.message) && !error.message.includes('very'),
    );
  });

  const refused: readonly (readonly [string, JsonObject, JsonObject, RegExp])[] = [
    ['no certificate', { tls_certificates: [] }, {}, /tls_certificates: "\[\]": a listener needs one/],
    [
      'a broken certificate',
      { tls_certificates: [{ ...certificate, certificate_chain: inline('x') }] },
      {},
      /tls_certificates\[0\]\.certificate_chain: PEM: cannot be read/,
    ],
    [
      'a broken key',
      { tls_certificates: [{ ...certificate, private_key: inline('very secret') }] },
      {},
      /tls_certificates\[0\]\.private_key: a secret: cannot be read/,
    ],
    [
      "somebody else's key",
      { tls_certificates: [{ ...certificate, private_key: inline(otherKey()) }] },
      {},
      /private_key: a secret: is not the certificate's key/,
    ],
    ['TLS 1.0', { tls_params: { tls_minimum_protocol_version: 'TLSv1_0' } }, {}, /must be TLSv1_2 or TLSv1_3: older/],
    [
      'a range that is none',
      { tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_2' } },
      {},
      /is above the maximum/,
    ],
    [
      'an unknown cipher suite',
      { tls_params: { cipher_suites: ['ECDHE-RSA-AES128-GCM-SHA256', 'FOO'] } },
      {},
      /cipher_suites\[1\]: "FOO": is no cipher suite/,
    ],
    ['an unknown curve', { tls_params: { ecdh_curves: ['P-1'] } }, {}, /ecdh_curves\[0\]: "P-1": is no curve/],
    ['an unknown scheme', { tls_params: { signature_algorithms: ['x'] } }, {}, /"x": is no signature algorithm/],
    [
      'names without an authority',
      { validation_context: { match_typed_subject_alt_names: [san('DNS', { exact: 'a' })] } },
      {},
      /trusted_ca: absent: is required where subject/,
    ],
    [
      'a crl without an authority',
      { validation_context: { crl: inline('x') } },
      {},
      /trusted_ca: absent: is required where there is a crl/,
    ],
    [
      'a broken authority',
      { validation_context: { trusted_ca: inline('x') } },
      {},
      /trusted_ca: PEM: holds no certificate/,
    ],
    [
      'a broken crl',
      { validation_context: { ...authority, crl: inline('x') } },
      {},
      /common_tls_context: present: cannot be used/,
    ],
    [
      'a short hash',
      { validation_context: { verify_certificate_hash: ['00'] } },
      {},
      /must be a SHA-256 in hexadecimal/,
    ],
    [
      'a short key hash',
      { validation_context: { verify_certificate_spki: ['AA=='] } },
      {},
      /must be a SHA-256 in base64/,
    ],
    [
      'a bad expression',
      {
        validation_context: {
          ...authority,
          match_typed_subject_alt_names: [san('DNS', { safe_regex: { regex: '(' } })],
        },
      },
      {},
      /match_typed_subject_alt_names\[0\]\.matcher\.safe_regex: "\("/,
    ],
    [
      'names of another kind',
      { validation_context: { ...authority, match_typed_subject_alt_names: [san('OTHER_NAME', { exact: 'a' })] } },
      {},
      /san_type: 5: must be/,
    ],
    [
      'leaf lists only',
      { validation_context: { ...authority, only_verify_leaf_cert_crl: true } },
      {},
      /only_verify_leaf_cert_crl: true: is not supported/,
    ],
    [
      'expired certificates beside a revocation list',
      { validation_context: { ...authority, allow_expired_certificate: true, crl: { inline_string: 'x' } } },
      {},
      /allow_expired_certificate: true: is not supported beside a crl/,
    ],
    [
      'secrets from nowhere',
      { tls_certificates: [], tls_certificate_sds_secret_configs: [{ name: 'a', sds_config: { self: {} } }] },
      {},
      /sds_config: "self": must be ads, api_config_source or path_config_source/,
    ],
    [
      'a secret that is not there',
      { validation_context_sds_secret_config: { name: 'x' } },
      {},
      /name: "x": is not one of static_resources\.secrets/,
    ],
    [
      'short ticket keys',
      {},
      { session_ticket_keys: { keys: [{ inline_bytes: 'AAAA' }] } },
      /keys\[0\]: "3 bytes": must have 80 bytes/,
    ],
    [
      'a handshaker of its own',
      { custom_handshaker: { name: 'x' } },
      {},
      /custom_handshaker: present: is not supported/,
    ],
    [
      'a staple that is none',
      { tls_certificates: [{ ...certificate, ocsp_staple: { inline_bytes: 'AAAA' } }] },
      {},
      /OCSP staple is no response/,
    ],
  ];
  for (const [name, common, more, expected] of refused) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => server(common, more),
        (error: Error) => expected.test(error.message) && !/very secret|PRIVATE/.test(error.message),
      );
    });
  }
});

function otherKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

describe('TLS towards a cluster', { skip: certificatesMissing }, () => {
  test('verifies nothing unless it is told to, as Envoy', () => {
    assert.deepEqual(client({}).tls, {});
    assert.deepEqual(client({ sni: 'a.test', max_session_keys: 0 }).tls, { serverName: 'a.test', sessionsMax: 0 });
  });

  test('has the same rules, and a certificate', () => {
    const { tls, ignored } = client({
      sni: 'a.test',
      allow_renegotiation: true,
      common_tls_context: {
        tls_certificates: [certificate],
        alpn_protocols: ['h2'],
        combined_validation_context: { validation_context_sds_secret_config: { name: 'ca' } },
      },
    });
    assert.deepEqual(
      [tls.serverName, tls.alpn, tls.certificate?.chainPem, tls.verification?.authorityPem],
      ['a.test', ['h2'], certificatePem, certificatePem],
    );
    assert.deepEqual(ignored, ['socket.typed_config.allow_renegotiation']);
    const two = { common_tls_context: { tls_certificates: [certificate, certificate] } };
    assert.throws(() => client(two), /tls_certificates\[1\]: present: a client has one certificate/);
  });
});
