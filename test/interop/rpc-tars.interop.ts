// Tars, and TUP in its two forms, as npm's library speaks them.
import { ensureNpmPackages } from '../peers/npm-packages.ts';
import { requirePeers } from '../peers/peer.ts';
import { clientArgs, nodeProgram, type ServerLaunch } from './support/rpc-programs.ts';
import { rpcSuite } from './support/rpc-suite.ts';
import type { TroubleWords } from './support/rpc-troubles.ts';
import type { RpcCaller } from './support/rpc-world.ts';

const { peers, skip } = await requirePeers({ tars: () => ensureNpmPackages('@tars/rpc@2.0.15') });

const tars: Omit<RpcCaller, 'style'> = {
  client: 'npm',
  to: ['tars', 'other'],
  context: ['tars', 'other'],
  hasty: true,
};
const words: TroubleWords = {
  noRoute: /-4: 404\|/,
  noHost: /-10: 503\|no healthy upstream/,
  unreachable: /-10: 503\|upstream connect error/,
  timeout: /-7: 504\|upstream request timeout/,
  aborted: /-9: 503\|fault filter abort/,
  forbidden: /-99: 403\|fault filter abort/,
  overflow: /-9: 503\|.*reset reason: overflow/,
};
/** Of an answer in TUP's form the library hands out the code alone. */
const codes: TroubleWords = {
  noRoute: /-4/,
  noHost: /-10/,
  unreachable: /-10/,
  timeout: /-7/,
  aborted: /-9/,
  forbidden: /-99/,
  overflow: /-9/,
};

const server: ServerLaunch = ([port], name) => nodeProgram('tars-server.ts', [peers!.tars.folder, String(port), name]);

rpcSuite(
  {
    protocol: 'tars',
    servers: { tars: server, other: server },
    endpoints: { tars: { server: 'tars' }, other: { server: 'other' } },
    clients: { npm: () => nodeProgram('tars-client.ts', [peers!.tars.folder, ...clientArgs]) },
    callers: [tars, { ...tars, style: 'simple' }, { ...tars, style: 'complex' }],
    routing: {
      usual: 'tars',
      special: 'other',
      tenantHeader: 'tenant',
      cases: [{ caller: tars, byHeader: true }],
    },
    troubles: [
      { caller: tars, endpoint: 'tars', words },
      { caller: { ...tars, style: 'simple' }, endpoint: 'tars', words: codes },
    ],
    steered: [{ caller: tars, stable: 'tars', spare: 'tars' }],
    wire: {
      heartbeats: [],
      oversized: '7fffffff10012c',
      clientsKeepConnections: true,
      crowd: tars,
    },
  },
  skip,
);
