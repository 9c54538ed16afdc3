// Dubbo 2.7 and 3 as their Java and npm libraries speak it, and Triple, which is gRPC, through HTTP listeners.
import { ensureDubbo3, ensureDubbo27 } from '../peers/java.ts';
import { ensureNpmPackages } from '../peers/npm-packages.ts';
import { requirePeers } from '../peers/peer.ts';
import { clientArgs, nodeProgram } from './support/rpc-programs.ts';
import { rpcSuite } from './support/rpc-suite.ts';
import type { TroubleWords } from './support/rpc-troubles.ts';
import type { RpcCaller } from './support/rpc-world.ts';

const { peers, skip } = await requirePeers({
  dubbo3: ensureDubbo3,
  dubbo27: ensureDubbo27,
  apache: () => ensureNpmPackages('apache-dubbo-js@3.0.0-rc6'),
});

const java: Omit<RpcCaller, 'client'> = {
  to: ['dubbo3', 'dubbo27', 'npm'],
  context: ['dubbo3', 'dubbo27'],
  answers: ['dubbo3', 'dubbo27'],
  hasty: true,
};
/** A library's other ways to call; only those of Java's own providers do all of them. */
const alone = (client: string, style: string, to: readonly string[]): RpcCaller => ({
  client,
  style,
  to,
  context: to,
  hasty: true,
});

const dubbo3: RpcCaller = { client: 'dubbo3', ...java };
const dubbo27: RpcCaller = { client: 'dubbo27', ...java };
const triple = alone('dubbo3', 'triple', ['triple']);
const npm: RpcCaller = {
  client: 'npm',
  to: ['dubbo3', 'dubbo27', 'npm'],
  context: ['dubbo3', 'dubbo27'],
  hasty: true,
};
const dubbo2js: RpcCaller = { client: 'dubbo2js', to: ['dubbo3', 'dubbo27', 'npm'] };
const apache: RpcCaller = { ...dubbo2js, client: 'apache' };

const words: TroubleWords = {
  noRoute: /404\|/,
  noHost: /503\|no healthy upstream/,
  unreachable: /503\|upstream connect error/,
  timeout: /504\|upstream request timeout/,
  aborted: /503\|fault filter abort/,
  forbidden: /403\|fault filter abort/,
  overflow: /503\|.*reset reason: overflow/,
};
const javaWords: TroubleWords = {
  noRoute: /RemotingException: 404\|/,
  noHost: /RemotingException: 503\|no healthy upstream/,
  unreachable: /RemotingException: 503\|upstream connect error/,
  timeout: /TimeoutException: 504\|upstream request timeout/,
  aborted: /RemotingException: 503\|fault filter abort/,
  forbidden: /RemotingException: 403\|fault filter abort/,
  overflow: /RemotingException: 503\|.*reset reason: overflow/,
};
const grpcWords: TroubleWords = {
  noRoute: /UNIMPLEMENTED/,
  noHost: /UNAVAILABLE : no healthy upstream/,
  unreachable: /UNAVAILABLE : upstream connect error/,
  timeout: /UNAVAILABLE : upstream request timeout/,
  aborted: /UNAVAILABLE : fault filter abort/,
  forbidden: /PERMISSION_DENIED : fault filter abort/,
  overflow: /UNAVAILABLE : .*reset reason: overflow/,
};

rpcSuite(
  {
    protocol: 'dubbo',
    servers: {
      dubbo3: ([port, triple], name) => peers!.dubbo3.launch('Dubbo3Provider', [String(port), name, String(triple)]),
      dubbo27: ([port], name) => peers!.dubbo27.launch('DubboProvider', [String(port), name]),
      npm: ([port], name) => nodeProgram('rpc-server.ts', ['dubbo', String(port), name]),
    },
    endpoints: {
      dubbo3: { server: 'dubbo3' },
      dubbo27: { server: 'dubbo27' },
      npm: { server: 'npm' },
      triple: { server: 'dubbo3', port: 1, http: true },
    },
    clients: {
      dubbo3: () => peers!.dubbo3.launch('Dubbo3Consumer', clientArgs),
      dubbo27: () => peers!.dubbo27.launch('DubboConsumer', clientArgs),
      npm: () => nodeProgram('rpc-client.ts', ['dubbo', ...clientArgs]),
      dubbo2js: () => nodeProgram('dubbo-js-client.ts', clientArgs),
      apache: () => nodeProgram('dubbo-js-client.ts', [...clientArgs, peers!.apache.folder]),
    },
    callers: [
      dubbo3,
      alone('dubbo3', 'async', ['dubbo3']),
      alone('dubbo3', 'generic', ['dubbo3', 'dubbo27']),
      alone('dubbo3', 'fastjson2', ['dubbo3']),
      alone('dubbo3', 'heartbeats', ['dubbo3']),
      triple,
      { client: 'dubbo3', style: 'streams', to: ['triple'], streams: true },
      dubbo27,
      alone('dubbo27', 'async', ['dubbo27']),
      alone('dubbo27', 'generic', ['dubbo3', 'dubbo27']),
      alone('dubbo27', 'heartbeats', ['dubbo27']),
      npm,
      dubbo2js,
      apache,
    ],
    routing: {
      usual: 'dubbo3',
      special: 'npm',
      tenantHeader: 'tenant',
      cases: [
        { caller: dubbo3, byHeader: true },
        { caller: dubbo27, byHeader: true },
        { caller: npm, byHeader: true },
        { caller: dubbo2js, byHeader: false },
        { caller: apache, byHeader: false },
      ],
    },
    troubles: [
      { caller: dubbo3, endpoint: 'dubbo3', words: javaWords, mortal: 'npm' },
      { caller: dubbo27, endpoint: 'dubbo27', words: javaWords, mortal: 'npm' },
      { caller: npm, endpoint: 'npm', words },
      { caller: dubbo2js, endpoint: 'npm', words },
      { caller: apache, endpoint: 'npm', words },
      { caller: triple, endpoint: 'triple', words: grpcWords },
    ],
    steered: [
      { caller: dubbo3, stable: 'dubbo3', spare: 'npm' },
      { caller: dubbo27, stable: 'dubbo27', spare: 'npm' },
      { caller: npm, stable: 'dubbo27', spare: 'npm' },
      { caller: dubbo2js, stable: 'dubbo3', spare: 'npm' },
      { caller: apache, stable: 'dubbo3', spare: 'npm' },
    ],
    wire: {
      heartbeats: [['dabbe200ce6fba149b86197d000000014e', 'dabb2214ce6fba149b86197d000000014e']],
      oversized: 'dabbc20000000000000000057fffffff',
      clientsKeepConnections: true,
      crowd: npm,
    },
  },
  skip,
);
