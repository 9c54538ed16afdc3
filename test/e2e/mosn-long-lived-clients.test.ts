import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '@sofamesh/base/random';
import { freePort } from '../peers/ports.ts';
import { rpcWires } from '../sim/support/wires.ts';
import { Mosn } from './support/mosn.ts';
import { at, routesTo, rpcCluster, rpcListener } from './support/rpc-bootstrap.ts';
import { RpcControlPlane } from './support/rpc-control-plane.ts';
import { TokenClient, TokenServer } from './support/token-peers.ts';

const protocols = ['bolt', 'dubbo', 'thrift'] as const;
type Name = (typeof protocols)[number];
const clientsEach = 5;
const callsAtATime = 4;
const pollMs = 5;
const waitMsMax = 20_000;
/** No call takes so long: a server that sees none for this time gets none. */
const quietMs = 100;

const random = new SeededRandom(7);
const pair = (name: Name) =>
  [new TokenServer(rpcWires[name], random), new TokenServer(rpcWires[name], random)] as const;
const servers = { bolt: pair('bolt'), dubbo: pair('dubbo'), thrift: pair('thrift') };
const inbound = {} as Record<Name, number>;
const controlPlane = new RpcControlPlane();
const clients: TokenClient[] = [];
let mosn: Mosn;
let stopped = false;

async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + waitMsMax;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not so within ${waitMsMax} ms: ${what}`);
    await sleep(pollMs);
  }
}

const sum = (what: 'answer' | 'error') => clients.reduce((total, { counts }) => total + counts[what], 0);
const violations = () => clients.flatMap((client) => client.violations);
const portOf = (name: Name, which: 0 | 1) => servers[name][which].port;
const arrived = (name: Name, which: 0 | 1) => servers[name][which].seen.size;

/** What a protocol's clusters are: one leads to the first server, the other is what the test changes. */
function clusters(changed: (name: Name) => ReturnType<typeof rpcCluster>) {
  return protocols.flatMap((name) => [rpcCluster(`${name}-first`, [portOf(name, 0)]), changed(name)]);
}

const second = (name: Name) => rpcCluster(`${name}-second`, [portOf(name, 1)]);
const carried = (name: Name) => rpcCluster(`${name}-second`, [inbound[name]], { carrier: 'HTTP2' });
const routes = (to: 'first' | 'second' | 'nowhere') => protocols.map((name) => routesTo(`${name}-${to}`, '5s', name));

before(async () => {
  for (const name of protocols) {
    for (const server of servers[name]) await server.start();
    inbound[name] = await freePort();
  }
  controlPlane.setClusters(clusters(second));
  controlPlane.setRoutes(routes('first'));
  await controlPlane.start();
  const source = { ads: {}, resource_api_version: 'V3' };
  mosn = await Mosn.start({
    bootstrap: {
      node: { id: 'sidecar~127.0.0.1~a.default~default.svc.cluster.local', cluster: 'a' },
      admin: { address: at(0) },
      static_resources: {
        listeners: protocols.flatMap((name) => [
          rpcListener(name, name, 0, { rds: { route_config_name: name, config_source: source } }),
          rpcListener(`${name}-inbound`, name, inbound[name], { route_config: routesTo(`${name}-local`, '5s') }),
        ]),
        clusters: [
          ...protocols.map((name) => rpcCluster(`${name}-local`, [portOf(name, 0)])),
          {
            ...rpcCluster('control-plane', [controlPlane.port]),
            typed_extension_protocol_options: {
              'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
                '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
                explicit_http_config: { http2_protocol_options: {} },
              },
            },
          },
        ],
      },
      dynamic_resources: {
        ads_config: {
          api_type: 'GRPC',
          transport_api_version: 'V3',
          grpc_services: [{ envoy_grpc: { cluster_name: 'control-plane' } }],
        },
        cds_config: source,
      },
    },
  });
});

after(async () => {
  stopped = true;
  for (const client of clients) client.close();
  await mosn?.stop();
  await controlPlane.close();
  for (const server of Object.values(servers).flat()) await server.stop();
});

/** All that is in the air when this is called has ended, and more. */
async function served(): Promise<void> {
  const before = sum('answer');
  await until('calls are answered', () => sum('answer') > before + 3 * clients.length * callsAtATime);
}

/** From now on calls go to one server of each protocol, and to no other. */
async function only(which: 0 | 1): Promise<void> {
  const other = which === 0 ? 1 : 0;
  await Promise.all(
    protocols.map(async (name) => {
      const before = arrived(name, which);
      await until(`${name} reaches server ${which}`, () => arrived(name, which) > before + 20);
      for (let seen = -1; seen !== arrived(name, other); await sleep(quietMs)) seen = arrived(name, other);
    }),
  );
}

async function change(accepted: () => boolean): Promise<void> {
  await until('the proxy accepts what is new', accepted);
}

test('long-lived clients survive every change of routes, clusters and servers', async (context) => {
  for (const name of protocols) {
    const port = Number(new URL(await mosn.url(name)).port);
    for (let at = 0; at < clientsEach; at++)
      clients.push(await TokenClient.connect(rpcWires[name], `${name}${at}`, port));
  }
  const callers = clients.flatMap((client) =>
    Array.from({ length: callsAtATime }, async (_, at) => {
      while (!stopped) {
        // A caller that got an error asks again, but not at once.
        if ((await client.call(at + 1)) === 'error') await sleep(20);
      }
    }),
  );
  await served();
  await only(0);

  await change(controlPlane.setRoutes(routes('second')));
  await only(1);
  // The same cluster, now through a second sidecar, inside HTTP/2, and back.
  await change(controlPlane.setClusters(clusters(carried)));
  await only(0);
  await change(controlPlane.setClusters(clusters(second)));
  await only(1);
  // Another host, and back.
  await change(controlPlane.setClusters(clusters((name) => rpcCluster(`${name}-second`, [portOf(name, 0)]))));
  await only(0);
  await change(controlPlane.setClusters(clusters(second)));
  await only(1);
  assert.deepEqual([violations(), sum('error')], [[], 0], 'no call was lost with a change that breaks nothing');

  // The server is gone, with all calls that it had, and comes back.
  for (const name of protocols) await servers[name][1].stop();
  const before = sum('error');
  await until('callers are told', () => sum('error') > before + clients.length);
  for (const name of protocols) await servers[name][1].start();
  await served();
  await only(1);

  // Nowhere to go, and back.
  const lost = sum('error');
  await change(controlPlane.setRoutes(routes('nowhere')));
  await until('callers are told', () => sum('error') > lost + 3 * clients.length);
  await change(controlPlane.setRoutes(routes('first')));
  await served();
  await only(0);

  stopped = true;
  await Promise.all(callers);
  context.diagnostic(`${sum('answer')} answers, ${sum('error')} errors`);
  assert.deepEqual(violations(), []);
  for (const name of protocols) {
    assert.equal(await mosn.stat(`http.${name}.downstream_cx_total`), clientsEach);
    assert.equal(await mosn.stat(`http.${name}.downstream_cx_active`), clientsEach);
    assert.equal(await mosn.stat(`http.${name}.downstream_rq_active`), 0);
  }
});
