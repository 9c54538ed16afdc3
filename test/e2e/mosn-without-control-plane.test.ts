import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freePort } from '../peers/ports.ts';
import { httpBootstrap, Mosn } from './support/mosn.ts';
import { Origin } from './support/origin.ts';

/** Static resources, and a control plane at a port where nobody listens. */
async function bootstrapFor(origin: Origin, fetchTimeout: string) {
  const { bootstrap } = httpBootstrap(origin.port);
  const source = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: fetchTimeout };
  const { clusters, listeners } = bootstrap.static_resources;
  const controlPlane = structuredClone(clusters[0]!);
  controlPlane.name = 'control-plane';
  controlPlane.load_assignment.cluster_name = 'control-plane';
  const [endpoint] = controlPlane.load_assignment.endpoints[0]!.lb_endpoints;
  endpoint!.endpoint.address.socket_address.port_value = await freePort();
  return {
    ...bootstrap,
    node: { id: 'sidecar~127.0.0.1~a.default~default.svc.cluster.local', cluster: 'a' },
    static_resources: { listeners, clusters: [...clusters, controlPlane] },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'control-plane' } }],
      },
      cds_config: source,
      lds_config: source,
    },
  };
}

describe('mosn whose control plane is away', () => {
  test('serves its static part before it is ready, and stops when told', async (t) => {
    const origin = await Origin.start();
    t.after(() => origin.stop());
    const mosn = await Mosn.start({ bootstrap: await bootstrapFor(origin, '60s') }, 503);
    t.after(() => mosn.stop());
    const url = await mosn.process.until('listening', () => mosn.url().catch(() => undefined));
    assert.equal((await fetch(url)).status, 200);
    assert.deepEqual(await mosn.ask('/ready'), { status: 503, text: 'INITIALIZING\n' });
    assert.equal(await mosn.stat('control_plane.connected_state'), 0);
    mosn.process.signal('SIGTERM');
    assert.deepEqual(await mosn.process.ended, { code: 0, signal: null });
  });

  test('is ready when it has waited long enough', async (t) => {
    const origin = await Origin.start();
    t.after(() => origin.stop());
    const mosn = await Mosn.start({ bootstrap: await bootstrapFor(origin, '0.2s') });
    t.after(() => mosn.stop());
    assert.equal((await fetch(await mosn.url())).status, 200);
  });
});
