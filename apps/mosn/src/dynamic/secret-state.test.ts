import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { secretTypeUrl } from '@sofamesh/xds/type-urls';
import {
  ads,
  connectionManager,
  endpointsJson,
  listenerJson,
  registry,
  resource,
  routesJson,
} from '../config/test-support/readers.ts';
import { configDump } from './config-dump.ts';
import { dynamicBootstrap, world } from './test-support/world.ts';

const type = (name: string) => `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${name}`;
const { ads_config } = dynamicBootstrap['dynamic_resources'] as JsonObject;
const agent = {
  api_config_source: {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'agent' } }],
  },
};
const agentCluster = { name: 'agent', load_assignment: endpointsJson('agent', 15_012) };

describe('secrets from a control plane', { skip: certificatesMissing }, () => {
  const authority = new TestAuthority();
  after(() => authority.dispose());
  const issue = () => authority.issue(['DNS:example.test']);
  type Pair = ReturnType<typeof issue>;
  const certificate = (name: string, { chainPem, privateKeyPem }: Pair): JsonObject => ({
    name,
    tls_certificate: { certificate_chain: { inline_string: chainPem }, private_key: { inline_string: privateKeyPem } },
  });
  const root: JsonObject = {
    name: 'ROOTCA',
    validation_context: { trusted_ca: { inline_string: authority.authorityPem } },
  };
  const context = (source: JsonObject): JsonObject => ({
    common_tls_context: {
      tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: source }],
      combined_validation_context: {
        default_validation_context: {},
        validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: source },
      },
    },
  });
  const listener = (source: JsonObject): JsonObject => {
    const json = listenerJson('tls', connectionManager({ route_config: routesJson('r', 'app') }));
    const socket = { name: 'tls', typed_config: { '@type': type('DownstreamTlsContext'), ...context(source) } };
    return { ...json, filter_chains: [{ ...(json['filter_chains'] as JsonObject[])[0], transport_socket: socket }] };
  };
  const cluster = (source: JsonObject): JsonObject => ({
    name: 'app',
    load_assignment: endpointsJson('app', 1),
    transport_socket: { name: 'tls', typed_config: { '@type': type('UpstreamTlsContext'), ...context(source) } },
  });
  const byAds = {
    dynamic_resources: { ads_config: ads_config! },
    static_resources: { clusters: [cluster(ads)], listeners: [listener(ads)] },
  };
  const tlsOf = (state: ReturnType<typeof world>['state']) => {
    const { listeners = [], clusters = [] } = state.current();
    return { server: listeners[0]?.filterChains[0]?.tls, client: clusters.find(({ name }) => name === 'app')?.tls };
  };

  test('by ADS: what needs them waits for all of them, and a new one goes where it is needed', async () => {
    const { start, sds, applier, subscriptions, initialized, state, stats } = world(byAds);
    assert.deepEqual(await start(), []);
    assert.deepEqual(applier.take(), []);
    assert.deepEqual(subscriptions.of(secretTypeUrl), ['ROOTCA', 'default']);
    const first = issue();
    assert.deepEqual(await sds('1', certificate('default', first), certificate('nobody asked', issue())), []);
    assert.deepEqual([applier.take(), initialized.length], [[], 0]);
    assert.deepEqual(await sds('2', root), []);
    assert.deepEqual(applier.take(), ['+cluster app', '+listener tls']);
    assert.equal(initialized.length, 1);
    const { server, client } = tlsOf(state);
    assert.deepEqual([server?.secretsMissing, client?.secretsMissing], [undefined, undefined]);
    assert.equal(server!.certificates[0]!.chainPem, first.chainPem);
    assert.equal(server!.certificates[0]!.name, 'default');
    assert.equal(server!.verification!.authorityPem, authority.authorityPem);
    assert.equal(client!.certificate!.chainPem, first.chainPem);

    const second = issue();
    assert.deepEqual(await sds('3', certificate('default', second)), []);
    assert.deepEqual(applier.take(), ['+cluster app', '+listener tls']);
    assert.equal(tlsOf(state).server!.certificates[0]!.chainPem, second.chainPem);
    assert.equal(tlsOf(state).client!.certificate!.chainPem, second.chainPem);
    assert.deepEqual(await sds('4', certificate('default', second)), []);
    assert.deepEqual(applier.take(), [], 'nothing is new');
    assert.equal(stats.value('sds.default.update_success'), 2);
    state.stop();
  });

  test('a secret that cannot be used is refused by name, and the last good one stays', async () => {
    const { start, sds, applier, state, stats } = world(byAds);
    await start();
    const [good, other] = [issue(), issue()];
    await sds('1', certificate('default', good), root);
    applier.take();
    const bad = certificate('default', { ...good, privateKeyPem: other.privateKeyPem });
    assert.deepEqual(await sds('2', bad), [
      "default: tls_certificate.private_key: a secret: is not the certificate's key",
    ]);
    assert.deepEqual(await sds('3', { name: 'ROOTCA', validation_context: { trusted_ca: { inline_string: 'no' } } }), [
      'ROOTCA: validation_context.trusted_ca: PEM: holds no certificate',
    ]);
    assert.deepEqual(await sds('4', { name: 'default' }), [
      'default: type: absent: must be one of tls_certificate, validation_context, session_ticket_keys',
    ]);
    const dump = JSON.stringify(configDump(state, registry, { includeEds: false }));
    assert.match(dump, /"dynamic_active_secrets":\[\{"name":"default"/);
    assert.ok(!dump.includes(good.privateKeyPem.split('\n')[1]!), 'no key is shown');
    assert.match(dump, /"certificate_chain":\{"inline_string":"-----BEGIN/);
    assert.match(dump, /"private_key":\{"inline_string":"\[redacted\]"\}/);
    // Right by itself and wrong where it is needed.
    assert.deepEqual(await sds('5', { ...root, name: 'default' }), []);
    assert.deepEqual(applier.take(), []);
    assert.equal(tlsOf(state).server!.certificates[0]!.chainPem, good.chainPem);
    assert.equal(stats.value('sds.default.update_rejected'), 2);
    state.stop();
  });

  test('what waits in vain goes on after its time, and lets nobody in until they come', async () => {
    const { start, sds, pass, applier, state, initialized } = world(byAds);
    await start();
    await pass(15_000);
    await pass(0);
    assert.deepEqual(applier.take(), ['+cluster app', '+listener tls']);
    assert.equal(initialized.length, 1);
    const { server, client } = tlsOf(state);
    assert.deepEqual([server!.secretsMissing, client!.secretsMissing], [true, true]);
    assert.deepEqual([server!.certificates, client!.certificate], [[], undefined]);
    await sds('1', root, certificate('default', issue()));
    assert.deepEqual(applier.take(), ['+cluster app', '+listener tls']);
    assert.equal(tlsOf(state).server!.secretsMissing, undefined);
    state.stop();
  });

  test('listeners that a control plane sends wait, too, and a name that nobody needs is given up', async () => {
    const { start, cds, lds, sds, applier, subscriptions, state } = world();
    await start();
    await cds('1', { name: 'app', load_assignment: endpointsJson('app', 1) });
    applier.take();
    assert.deepEqual(await lds('1', listener(ads)), []);
    assert.deepEqual(applier.take(), []);
    await sds('1', root, certificate('default', issue()));
    assert.deepEqual(applier.take(), ['+listener tls']);
    await lds('2', listener({ ...ads, initial_fetch_timeout: '1s' }));
    assert.deepEqual(applier.take(), ['+listener tls'], 'they are there already');
    await lds('3', listenerJson('tls', connectionManager({ route_config: routesJson('r', 'app') })));
    assert.deepEqual(applier.take(), ['+listener tls']);
    assert.deepEqual(subscriptions.of(secretTypeUrl), []);
    state.stop();
  });

  test('from a server of its own, that is asked for them alone and no longer than somebody needs them', async () => {
    const { start, lds, cds, services, applier, subscriptions, state } = world({
      ...dynamicBootstrap,
      static_resources: { clusters: [agentCluster] },
    });
    await start();
    await cds('1', { name: 'app', load_assignment: endpointsJson('app', 1) });
    applier.take();
    assert.deepEqual(await lds('1', listener(agent)), []);
    const service = services.get('agent')!;
    assert.deepEqual(service.subscriptions.of(secretTypeUrl), ['ROOTCA', 'default']);
    assert.equal(subscriptions.of(secretTypeUrl), undefined);
    const pair = issue();
    const sent = [resource('Secret', root), resource('Secret', certificate('default', pair))];
    assert.deepEqual(await service.sink.apply(secretTypeUrl, '1', sent), { errors: [] });
    assert.deepEqual(applier.take(), ['+listener tls']);
    assert.equal(tlsOf(state).server!.certificates[0]!.chainPem, pair.chainPem);
    // A secret of the same name by ADS is another one.
    await state.apply(secretTypeUrl, '1', [resource('Secret', certificate('default', issue()))]);
    assert.deepEqual(applier.take(), []);
    await lds('2');
    assert.deepEqual([applier.take(), service.open], [['-listener tls'], false]);
    state.stop();
  });

  test('from nowhere: the field is named', async () => {
    const refused = (bootstrap: JsonObject) => {
      try {
        world(bootstrap);
      } catch (thrown) {
        return String(thrown);
      }
      return 'nothing';
    };
    assert.match(
      refused({ static_resources: { listeners: [listener(ads)], clusters: [{ name: 'app' }] } }),
      /ads_config: absent: secret default needs it/,
    );
    const resources = { clusters: [cluster(agent)], listeners: [] };
    assert.match(
      refused({ static_resources: resources }),
      /transport_socket.*api_config_source\.grpc_services\[0\]\.envoy_grpc\.cluster_name: "agent": is not a cluster/,
    );
    const { start, lds, cds, state } = world();
    await start();
    await cds('1');
    const [error] = await lds('1', listener(agent));
    assert.match(error!, /^tls: filter_chains\[0\].*cluster_name: "agent": is not a cluster of static_resources/);
    state.stop();
  });
});
