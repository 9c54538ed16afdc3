import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { address, connectionManager, endpointsJson, listenerJson, routesJson } from '../config/test-support/readers.ts';
import { world } from './test-support/world.ts';

const type = (name: string) => `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${name}`;

describe('secrets from files', { skip: certificatesMissing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  const authority = new TestAuthority();
  after(() => {
    authority.dispose();
    rmSync(folder, { recursive: true });
  });
  const file = (name: string) => join(folder, name);
  const issue = () => authority.issue(['DNS:example.test']);
  /** As tools do that want nobody to see half of it. */
  const replace = (name: string, text: string) => {
    writeFileSync(file(`${name}.new`), text);
    renameSync(file(`${name}.new`), file(name));
  };
  const secret = (certificate: JsonObject) =>
    JSON.stringify({ resources: [{ '@type': type('Secret'), name: 'own', tls_certificate: certificate }] });
  const common = (path: string) => ({
    common_tls_context: {
      tls_certificate_sds_secret_configs: [{ name: 'own', sds_config: { path_config_source: { path } } }],
    },
  });
  const listener = (path: string, name = 'tls') => {
    const json = listenerJson(name, connectionManager({ route_config: routesJson('r', 'app') }));
    const socket = { name: 'tls', typed_config: { '@type': type('DownstreamTlsContext'), ...common(path) } };
    return { ...json, filter_chains: [{ ...(json['filter_chains'] as JsonObject[])[0], transport_socket: socket }] };
  };
  const cluster = (path: string) => ({
    name: 'app',
    load_assignment: endpointsJson('app', 1),
    transport_socket: { name: 'tls', typed_config: { '@type': type('UpstreamTlsContext'), ...common(path) } },
  });
  const plain = { name: 'plain', address: address(0) };

  test('are read again when the file changes, by whatever needs them', async () => {
    const first = issue();
    const inline = ({ chainPem, privateKeyPem }: ReturnType<typeof issue>) =>
      secret({ certificate_chain: { inline_string: chainPem }, private_key: { inline_string: privateKeyPem } });
    replace('sds.json', inline(first));
    const other = listenerJson('other', connectionManager({ route_config: routesJson('r', 'app') }));
    const path = file('sds.json');
    const { start, applier, pass, state, stats } = world({
      static_resources: {
        clusters: [cluster(path)],
        listeners: [listener(path), { ...other, ...plain, name: 'other' }],
      },
    });
    assert.deepEqual(await start(), []);
    const chain = () => state.current().listeners!.find(({ name }) => name === 'tls')!.filterChains[0]!;
    assert.equal(chain().tls!.certificates[0]!.chainPem, first.chainPem);
    applier.take();
    await pass(3000);
    assert.deepEqual(applier.take(), [], 'nothing changed');

    const second = issue();
    replace('sds.json', inline(second));
    await pass(1000);
    assert.deepEqual(applier.take(), ['+cluster app', '+listener tls']);
    assert.equal(chain().tls!.certificates[0]!.chainPem, second.chainPem);
    assert.equal(state.current().clusters![0]!.tls!.certificate!.chainPem, second.chainPem);
    assert.equal(stats.value('sds.file.update_success'), 2);
    state.stop();
  });

  test('may name files, whose change is seen too; half of a change leaves the old ones in use', async () => {
    const [first, second] = [issue(), issue()];
    replace('chain.pem', first.chainPem);
    replace('key.pem', first.privateKeyPem);
    const names = { certificate_chain: { filename: file('chain.pem') }, private_key: { filename: file('key.pem') } };
    replace('named.json', secret(names));
    // As Kubernetes mounts secrets: the name is a link.
    symlinkSync(file('named.json'), file('linked.json'));
    const { start, applier, pass, state, stats } = world({
      static_resources: {
        clusters: [{ name: 'app', load_assignment: endpointsJson('app', 1) }],
        listeners: [listener(file('linked.json'))],
      },
    });
    assert.deepEqual(await start(), []);
    applier.take();
    replace('chain.pem', second.chainPem);
    await pass(1000);
    assert.deepEqual(applier.take(), []);
    assert.equal(stats.value('sds.file.update_rejected'), 1);
    const certificate = () => state.current().listeners![0]!.filterChains[0]!.tls!.certificates[0]!;
    assert.equal(certificate().chainPem, first.chainPem);
    replace('key.pem', second.privateKeyPem);
    await pass(1000);
    assert.deepEqual(applier.take(), ['+listener tls']);
    assert.equal(certificate().chainPem, second.chainPem);

    replace('named.json', 'no: [secret');
    await pass(1000);
    rmSync(file('named.json'));
    await pass(1000);
    assert.deepEqual(applier.take(), []);
    assert.equal(certificate().chainPem, second.chainPem);
    assert.equal(stats.value('sds.file.update_rejected'), 3);
    state.stop();
  });
});
