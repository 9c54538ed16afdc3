import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endpointsOf, type Listener, type Route, routeConfig } from './bootstrap.ts';
import { TestControlPlane } from './control-plane.ts';
import { needsMosn, type RunningProxy, startProxy } from './proxy.ts';
import { labelOf } from './rpc-matrix.ts';
import { type RpcServer, startServer } from './rpc-programs.ts';
import type { RpcCaller, RpcWorld } from './rpc-world.ts';

/** A caller and two servers that it can call, of which the second may be ended. */
export interface SteeredCase {
  caller: RpcCaller;
  stable: string;
  /** Name of a server in the spec. */
  spare: string;
}

const flowMs = 1_000;
const stepMs = 250;
const rounds = 3;

/**
 * Long-lived clients that never stop calling, while the control plane changes their routes and endpoints and a server that has
 * been taken out is started again: no call fails, no answer goes to another call, no client loses its connection.
 */
export function rpcSteering(world: RpcWorld, cases: readonly SteeredCase[]): void {
  test('calls flow on while routes, endpoints and servers change', { skip: needsMosn }, async () => {
    const controlPlane = await TestControlPlane.start();
    const lanes = cases.map((one, i) => ({ ...one, name: `steered-${i}` }));
    const spares = new Map<string, RpcServer>();
    const startSpare = async (name: string) => {
      const ports = spares.get(name)?.ports;
      spares.set(name, await startServer(world.spec.servers[name]!, 'spare', ports));
    };
    const spareNames = [...new Set(cases.map(({ spare }) => spare))];
    const listeners: Listener[] = lanes.map(({ name }) => ({
      name,
      protocol: world.spec.protocol,
      routesByXds: true,
      routes: [],
    }));
    const endpoints = (wanted: 'stable' | 'spare' | 'both') =>
      controlPlane.serve(
        'endpoints',
        lanes.map(({ name, stable, spare }) => {
          const [one, other] = [world.port(stable), spares.get(spare)!.ports[0]!];
          return endpointsOf({ name, ports: wanted === 'both' ? [one, other] : [wanted === 'stable' ? one : other] });
        }),
      );
    const routes = (...more: Omit<Route, 'cluster'>[]) =>
      controlPlane.serve(
        'routes',
        lanes.map(({ name }) =>
          routeConfig({ name, routes: [...more, { match: {} }].map((route) => ({ ...route, cluster: name })) }),
        ),
      );
    let proxy: RunningProxy | undefined;
    try {
      await Promise.all(spareNames.map(startSpare));
      endpoints('stable');
      routes();
      const clusters = lanes.map(({ name }) => ({ name, ports: [], endpointsByXds: true }));
      const steered = await startProxy({ listeners, clusters }, 'mosn', { controlPlane });
      proxy = steered;
      const clients = lanes.map(({ caller, name }) =>
        world.clients.get(caller.client)!.at(steered.address(name), caller.style),
      );
      await Promise.all(
        clients.map((client) =>
          client.until('served', async () => (await client.ask('echo', 'warm')).value === 'warm'),
        ),
      );
      let changing = true;
      const flows = Promise.all(
        clients.map(async (client, i) => {
          const told: string[] = [];
          while (changing) told.push(await client.get('flow', `${lanes[i]!.name}-${told.length}`, flowMs, 4));
          return told;
        }),
      );

      const step = async (change: () => void) => {
        change();
        await steered.process.until('taken', () => controlPlane.accepted);
        await sleep(stepMs);
      };
      for (let round = 0; round < rounds; round++) {
        await step(() => endpoints('both'));
        await step(() => routes({ match: { path: '/echo' }, timeout: `${5 + round}s` }));
        await step(() => endpoints('spare'));
        await step(() => routes({ match: { headers: { tenant: 'beta' } } }));
        await step(() => endpoints('stable'));
        if (round > 0) continue;
        await Promise.all([...spares.values()].map(({ running }) => running.kill()));
        await Promise.all(spareNames.map(startSpare));
      }
      changing = false;
      for (const [i, told] of (await flows).entries()) assertFlow(labelOf(lanes[i]!.caller), told);
      for (const { name, caller } of lanes)
        assert.equal(await steered.connectionsEnded(name), 0, `${labelOf(caller)} lost its connection`);
    } finally {
      await Promise.all([...spares.values()].map(({ running }) => running.stop()));
      await proxy?.stop();
      await controlPlane.stop();
    }
  });
}

/** Takes what several flows came to: RIGHT,CROSSED,FAILED,ERROR. */
function assertFlow(label: string, told: readonly string[]): void {
  let calls = 0;
  for (const flow of told) {
    const [right = '', crossed = '', failed = '', ...error] = flow.split(',');
    assert.deepEqual({ label, crossed, failed, error: error.join() }, { label, crossed: '0', failed: '0', error: '' });
    calls += Number(right);
  }
  assert.ok(calls > 100, `${label} made ${calls} calls`);
}
