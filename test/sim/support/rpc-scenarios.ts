import { oneIn, oneOf } from './chance.ts';
import type { RpcShape } from './mesh-config.ts';
import type { Scenario } from './scenario.ts';
import { type RpcProtocolName, rpcProtocols } from './wires.ts';
import type { SimWorld } from './world.ts';

/** The ways that a call can take. */
const ways: readonly { readonly hops: Scenario['hops']; readonly between: RpcShape['between'] }[] = [
  { hops: ['proxy', 'proxy'], between: 'http2' },
  { hops: ['proxy'], between: 'frames' },
  { hops: ['proxy', 'proxy'], between: 'either' },
  { hops: ['proxy', 'proxy'], between: 'frames' },
];

/** The first seeds have one way each, the same seed another one for another protocol. */
export function drawRpcScenario(world: SimWorld, protocol: RpcProtocolName): Scenario {
  const { seed, random } = world;
  const { hops, between } = ways[(seed + rpcProtocols.indexOf(protocol)) % ways.length]!;
  const rpc: RpcShape = {
    level: oneOf(random, ['full', 'light']),
    between,
    bound: oneIn(random, 3),
    heartbeats: oneIn(random, 3),
  };
  const scenario: Scenario = { protocol, hops, rpc };
  world.note(`scenario ${JSON.stringify(scenario)}`);
  return scenario;
}
