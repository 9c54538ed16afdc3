import { after, before, describe } from 'node:test';
import type { Listener } from './bootstrap.ts';
import { rpcMatrix } from './rpc-matrix.ts';
import { type Routing, rpcRouting } from './rpc-routing.ts';
import { rpcSteering, type SteeredCase } from './rpc-steering.ts';
import { rpcTroubles, type TroubleCase } from './rpc-troubles.ts';
import { rpcWire, type WireCases } from './rpc-wire.ts';
import { listenerName, type RpcSpec, RpcWorld, type Way } from './rpc-world.ts';

export interface RpcSuite extends Omit<RpcSpec, 'ways' | 'moreListeners'> {
  routing: Routing;
  troubles: readonly TroubleCase[];
  steered: readonly SteeredCase[];
  wire: WireCases;
}

const ways: readonly Way[] = ['face to face', 'one proxy', 'two proxies', 'mTLS', 'HTTP/2', 'HTTP/2 in mTLS'];

/** Real clients and servers of one RPC protocol, first face to face, then with proxies between them. */
export function rpcSuite(suite: RpcSuite, skip: string | false): void {
  describe(suite.protocol, { skip }, () => {
    const world = new RpcWorld({ ...suite, ways, moreListeners: [routed(suite)] });
    before(() => world.start());
    after(() => world.stop());
    rpcMatrix(world);
    rpcRouting(world, suite.routing);
    rpcTroubles(world, suite.troubles);
    rpcWire(world, suite.wire);
    rpcSteering(world, suite.steered);
  });
}

function routed({ protocol, routing: { usual, special, tenantHeader } }: RpcSuite): Listener {
  const [usually, specially] = [usual, special].map((endpoint) => listenerName('one proxy', endpoint)) as [
    string,
    string,
  ];
  return {
    name: 'routed',
    protocol,
    routes: [
      { match: { headers: { [tenantHeader]: 'beta' } }, cluster: specially },
      { match: { path: '/notes' }, cluster: specially },
      { match: {}, cluster: usually },
    ],
  };
}
