// Apache Thrift as its npm and Python libraries speak it, in every transport and encoding.
import { requirePeers } from '../peers/peer.ts';
import { ensureThrift } from '../peers/thrift.ts';
import { thriftStyles } from './node/thrift-package.ts';
import { clientArgs, nodeProgram, type ServerLaunch } from './support/rpc-programs.ts';
import { rpcSuite } from './support/rpc-suite.ts';
import type { TroubleWords } from './support/rpc-troubles.ts';
import type { Endpoint, RpcCaller } from './support/rpc-world.ts';

const { peers, skip } = await requirePeers({ thrift: ensureThrift });

/** In the order of a server's ports. Python's servers take frames without headers at their ports for headers, too. */
const pythonStyles = [...thriftStyles, 'header-binary', 'header-compact'];
const stylesOf = (library: string) => (library === 'npm' ? thriftStyles : pythonStyles);

const endpoints: Record<string, Endpoint> = {
  'other-header-binary': { server: 'other', port: pythonStyles.indexOf('header-binary') },
};
for (const server of ['npm', 'python'])
  for (const [port, style] of stylesOf(server).entries()) endpoints[`${server}-${style}`] = { server, port };

const caller = (client: string, style: string): RpcCaller => ({
  client,
  style,
  to: Object.keys(endpoints).filter((name) => name.endsWith(style)),
  hasty: true,
});
const words: TroubleWords = {
  noRoute: /TApplicationException: 404\|/,
  noHost: /TApplicationException: 503\|no healthy upstream/,
  unreachable: /TApplicationException: 503\|upstream connect error/,
  timeout: /TApplicationException: 504\|upstream request timeout/,
  aborted: /TApplicationException: 503\|fault filter abort/,
  forbidden: /TApplicationException: 403\|fault filter abort/,
};

const python: ServerLaunch = (ports, name) => peers!.thrift.launchPython(['server', name, ...ports.map(String)]);

rpcSuite(
  {
    protocol: 'thrift',
    servers: {
      npm: (ports, name) => nodeProgram('thrift-server.ts', [peers!.thrift.npmFolder, name, ...ports.map(String)]),
      python,
      other: python,
    },
    endpoints,
    clients: {
      npm: () => nodeProgram('thrift-client.ts', [peers!.thrift.npmFolder, ...clientArgs]),
      python: () => peers!.thrift.launchPython(['client', ...clientArgs]),
    },
    callers: ['npm', 'python'].flatMap((client) => stylesOf(client).map((style) => caller(client, style))),
    routing: {
      usual: 'python-header-binary',
      special: 'other-header-binary',
      tenantHeader: 'tenant',
      cases: [
        ...['npm', 'python'].map((client) => ({ caller: caller(client, 'framed-binary'), byHeader: false })),
        ...['header-binary', 'header-compact'].map((style) => ({ caller: caller('python', style), byHeader: true })),
      ],
    },
    troubles: [
      { caller: caller('npm', 'framed-binary'), endpoint: 'npm-framed-binary', words },
      { caller: caller('python', 'framed-compact'), endpoint: 'python-framed-compact', words },
      { caller: caller('python', 'buffered-binary'), endpoint: 'npm-buffered-binary', words },
      { caller: caller('python', 'header-compact'), endpoint: 'python-header-compact', words },
    ],
    steered: [
      { caller: caller('npm', 'framed-binary'), stable: 'python-framed-binary', spare: 'npm' },
      { caller: caller('python', 'framed-binary'), stable: 'npm-framed-binary', spare: 'python' },
    ],
    wire: {
      heartbeats: [],
      oversized: '7fffffff80010001',
      // Python's client gives a connection up on which an answer is late.
      clientsKeepConnections: false,
      crowd: caller('npm', 'framed-binary'),
    },
  },
  skip,
);
