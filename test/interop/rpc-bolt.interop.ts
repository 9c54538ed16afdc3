// SOFARPC and sofa-bolt alone as their Java and npm libraries speak them.
import { ensureSofaBolt, ensureSofaRpc } from '../peers/java.ts';
import { requirePeers } from '../peers/peer.ts';
import { clientArgs, nodeProgram } from './support/rpc-programs.ts';
import { rpcSuite } from './support/rpc-suite.ts';
import type { TroubleWords } from './support/rpc-troubles.ts';
import type { RpcCaller } from './support/rpc-world.ts';

const { peers, skip } = await requirePeers({ sofaRpc: ensureSofaRpc, sofaBolt: ensureSofaBolt });

const sofa: Omit<RpcCaller, 'style'> = {
  client: 'sofa',
  to: ['sofa', 'npm'],
  context: ['sofa'],
  answers: ['sofa'],
  hasty: true,
};
const npm: RpcCaller = { client: 'npm', to: ['sofa', 'npm'], hasty: true };
const bolt = (style: string): RpcCaller => ({ client: 'bolt', style, to: ['bolt'], hasty: true });

const words: TroubleWords = {
  noRoute: /NO_PROCESSOR/,
  noHost: /NO_PROCESSOR/,
  unreachable: /NO_PROCESSOR/,
  timeout: /TimeoutException|TimeOutException/,
  aborted: /[Ss]erver ?(thread pool)? ?busy/i,
  forbidden: /Server exception/,
  overflow: /[Ss]erver ?(thread pool)? ?busy/i,
};
/** Who waits for the answer gets the exception in it, too. */
const syncWords: TroubleWords = { ...words, forbidden: /RpcServerException: 403\|fault filter abort/ };
/** sofa-rpc-node tells no status, only the exception in the content. */
const texts: TroubleWords = {
  noRoute: /RpcServerException: 404\|/,
  noHost: /RpcServerException: 503\|/,
  unreachable: /RpcServerException: 503\|/,
  timeout: /RpcServerException: 504\|/,
  aborted: /RpcServerException: 503\|/,
  forbidden: /RpcServerException: 403\|fault filter abort/,
  overflow: /RpcServerException: 503\|.*overflow/,
};

rpcSuite(
  {
    protocol: 'bolt',
    servers: {
      sofa: ([port], name) => peers!.sofaRpc.launch('SofaServer', [String(port), name]),
      npm: ([port], name) => nodeProgram('rpc-server.ts', ['bolt', String(port), name]),
      bolt: ([port], name) => peers!.sofaBolt.launch('BoltServer', [String(port), name]),
    },
    endpoints: { sofa: { server: 'sofa' }, npm: { server: 'npm' }, bolt: { server: 'bolt' } },
    clients: {
      sofa: () => peers!.sofaRpc.launch('SofaClient', clientArgs, ['-Dbolt.tcp.heartbeat.interval=500']),
      bolt: () => peers!.sofaBolt.launch('BoltClient', clientArgs, ['-Dbolt.tcp.heartbeat.interval=500']),
      npm: () => nodeProgram('rpc-client.ts', ['bolt', ...clientArgs]),
    },
    callers: [
      sofa,
      { ...sofa, style: 'future', to: ['sofa'], answers: [] },
      { ...sofa, style: 'callback', to: ['sofa'], answers: [] },
      { ...sofa, style: 'protobuf', to: ['sofa'] },
      npm,
      ...['v1', 'v1-future', 'v1-callback', 'v2', 'v2-future', 'v2-callback', 'v2plain', 'v2ver1'].map(bolt),
    ],
    routing: {
      usual: 'sofa',
      special: 'npm',
      tenantHeader: 'rpc_req_baggage.tenant',
      cases: [
        { caller: sofa, byHeader: true },
        { caller: npm, byHeader: false },
      ],
    },
    troubles: [
      { caller: sofa, endpoint: 'sofa', words: syncWords, mortal: 'npm' },
      { caller: { ...sofa, style: 'callback' }, endpoint: 'sofa', words, mortal: 'npm' },
      { caller: npm, endpoint: 'npm', words: texts },
      { caller: bolt('v1'), endpoint: 'bolt', words },
      { caller: bolt('v2'), endpoint: 'bolt', words },
    ],
    steered: [
      { caller: sofa, stable: 'sofa', spare: 'npm' },
      { caller: npm, stable: 'sofa', spare: 'npm' },
      { caller: bolt('v1'), stable: 'bolt', spare: 'bolt' },
      { caller: bolt('v2'), stable: 'bolt', spare: 'bolt' },
    ],
    wire: {
      heartbeats: [
        ['01010000010000000201ffffffff0000000000000000', '0100000001000000020100000000000000000000'],
        ['020201000001000000020100ffffffff0000000000000000', '02020000000100000002010000000000000000000000'],
      ],
      oversized: '01010001010000000501000013880000000080000000',
      clientsKeepConnections: true,
      crowd: npm,
    },
  },
  skip,
);
