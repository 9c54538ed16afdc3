import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsMosn } from './proxy.ts';
import { labelOf } from './rpc-matrix.ts';
import type { RpcCaller, RpcWorld } from './rpc-world.ts';

/** A caller whose calls the listener `routed` sends by what they carry and by their method. */
export interface RoutingCase {
  caller: RpcCaller;
  /** It can say who calls: it carries a tenant. */
  byHeader: boolean;
}

/** Which endpoints the rules send calls to, and the header under which they see what a call carries as "tenant". */
export interface Routing {
  usual: string;
  special: string;
  tenantHeader: string;
  cases: readonly RoutingCase[];
}

/** Calls go where their headers and methods send them. */
export function rpcRouting(world: RpcWorld, { usual, special, cases }: Routing): void {
  const [usually, specially] = [usual, special].map((name) => world.endpoint(name).server);
  for (const { caller, byHeader } of cases)
    test(`routes by method${byHeader ? ' and header' : ''}: ${labelOf(caller)}`, { skip: needsMosn }, async () => {
      const client = world.through(caller, 'routed');
      // The method notes goes to the special server, which alone knows this token.
      const other = world.client(caller, 'one proxy', special);
      const token = `for-${specially}-from-${caller.client}`;
      await other.get('note', token);
      await other.until('noted', async () => (await other.get('notes')).includes(token));
      for (let i = 0; i < 3; i++) {
        assert.equal(await client.get('who'), usually);
        assert.ok((await client.get('notes')).includes(token));
      }
      if (!byHeader) return;
      assert.equal(await client.get('whoWith', 'tenant', 'beta'), specially);
      assert.equal(await client.get('whoWith', 'tenant', 'alpha'), usually);
    });
}
