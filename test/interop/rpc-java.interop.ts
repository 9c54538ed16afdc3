// SOFARPC and Dubbo as their own Java and npm libraries speak them, through the proxy in both directions.
import { rpcSuite } from './support/rpc-suite.ts';

await rpcSuite({
  protocol: 'bolt',
  clients: ['java', 'npm'],
  tenantHeader: 'rpc_req_baggage.tenant',
  heartbeats: [
    ['01010000010000000201ffffffff0000000000000000', '0100000001000000020100000000000000000000'],
    ['01010000010000000301ffffffff0000000000000000', '0100000001000000030100000000000000000000'],
  ],
  oversized: '01010001010000000501000013880000000080000000',
  timeoutError: /SofaTimeOutException/,
});

await rpcSuite({
  protocol: 'dubbo',
  clients: ['java', 'npm', 'npm2'],
  tenantHeader: 'tenant',
  heartbeats: [['dabbe200ce6fba149b86197d000000014e', 'dabb2214ce6fba149b86197d000000014e']],
  oversized: 'dabbc20000000000000000057fffffff',
  timeoutError: /timeout|timed out/i,
});
