import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { ClientTls, ServerTls } from '@sofamesh/contract/transport';
import type { FilterChainConfig } from '@sofamesh/proxy/config/listener';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { clusterConfig, listenerConfig } from '../supervisor/test-support/scripted-worker.ts';
import { certificatePage } from './certificate-page.ts';

const dayMs = 24 * 3600 * 1000;

interface Certificate {
  readonly path: string;
  readonly serial_number: string;
  readonly subject_alt_names: readonly object[];
  readonly days_until_expiration: string;
  readonly valid_from: string;
  readonly expiration_time: string;
}

interface Answer {
  readonly certificates: readonly { readonly ca_cert: Certificate[]; readonly cert_chain: Certificate[] }[];
}

/** What the page says of listeners with a chain for each of these, and of clusters. */
async function certificates(
  servers: readonly ServerTls[],
  clients: readonly (ClientTls | undefined)[],
  wallMs: number,
) {
  const match = {} as FilterChainConfig['match'];
  const network = { kind: 'catalogue', name: 'end', config: {} } as const;
  const filterChains = servers.map((tls) => ({ name: '', match, tls, earlyFilters: [], network }));
  const listener = { ...listenerConfig('l', ipAddress('127.0.0.1', 80)), filterChains };
  const clusters = clients.map((tls, at) => ({ ...clusterConfig(`c${at}`), tls }));
  const config = () => ({
    listeners: new Map([[listener.name, listener]]),
    clusters: new Map(clusters.map((cluster) => [cluster.name, cluster])),
  });
  const page = certificatePage(config, () => wallMs);
  const request = { method: 'GET', path: '/certs', query: new URLSearchParams(), headers: {}, body: Buffer.alloc(0) };
  return JSON.parse((await page.answer(request)).body) as Answer;
}

describe('the page of certificates', { skip: certificatesMissing }, () => {
  const root = certificatesMissing ? undefined : new TestAuthority();
  after(() => root?.dispose());

  test('names authorities, chains, and the files that they came from', async () => {
    const below = root!.subordinate();
    const inFile = below.issue(['DNS:a.test', 'URI:spiffe://a', 'IP:10.0.0.1']);
    below.dispose();
    const inline = root!.issue([]);
    const nowMs = Date.now();
    const verification = { authorityPem: root!.authorityPem };
    const both = { certificates: [{ ...inFile, chainPath: '/etc/a.pem' }, inline], verification };
    const client = { certificate: inline, verification: { ...verification, authorityPath: '/etc/ca.pem' } };
    const { certificates: found } = await certificates([both, both], [undefined, client, {}], nowMs);
    const paths = found.map(({ ca_cert, cert_chain }) =>
      [ca_cert, cert_chain].map((list) => list.map((one) => one.path)),
    );
    assert.deepEqual(paths, [
      [['<inline>'], ['/etc/a.pem', '/etc/a.pem', '<inline>']],
      [['/etc/ca.pem'], ['<inline>']],
      [[], []],
    ]);
    const [leaf] = found[0]!.cert_chain;
    assert.deepEqual(leaf!.subject_alt_names, [{ dns: 'a.test' }, { uri: 'spiffe://a' }, { ip_address: '10.0.0.1' }]);
    assert.deepEqual([leaf!.serial_number, leaf!.days_until_expiration], ['01', '1']);
    for (const time of [leaf!.valid_from, leaf!.expiration_time])
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(Date.parse(leaf!.expiration_time) - Date.parse(leaf!.valid_from), 2 * dayMs);
  });

  test('never tells a key, nor less than no days', async () => {
    const expired = root!.issue([], { expired: true });
    const answer = await certificates([], [{ certificate: { ...expired, name: 'secret' } }], Date.now());
    assert.equal(answer.certificates[0]!.cert_chain[0]!.days_until_expiration, '0');
    assert.doesNotMatch(JSON.stringify(answer), /PRIVATE|PEM|-----/);
  });

  test('leaves out what is no certificate', async () => {
    const certificate = { chainPem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', privateKeyPem: '' };
    const answer = await certificates([], [{ certificate }], 0);
    assert.deepEqual(answer.certificates, [{ ca_cert: [], cert_chain: [] }]);
  });
});
