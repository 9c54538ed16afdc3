/**
 * Run inside a new user and network namespace (`unshare -rn`): this namespace is the machine of the proxy, a second one is
 * that of the client, joined by a cable. Rules of the kernel divert what the client sends to mosn. Prints one line of JSON
 * for each connection: what the client asked for and what it heard. Ends with 77 and the reason where the kernel refuses.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const mode = process.argv[2] === 'tproxy' ? 'tproxy' : 'redirect';
const mosnProgram = join(import.meta.dirname, '..', '..', '..', 'apps', 'mosn', 'bin', 'mosn.js');
const readyTimeoutMs = 60_000;
const catchPort = 15_001;

/** A service that has a listener of its own, and one that nobody has told the proxy of. */
const known = { v4: '10.1.2.3', v6: 'fd00:1::3', port: 80 };
const unknown = { v4: '10.1.2.4', v6: 'fd00:1::4', port: 81 };
const proxyAddress = { v4: '10.200.0.1', v6: 'fd00:200::1' };

class Refused extends Error {}

/** Throws {@link Refused} when the command fails: this kernel, or its owner, does not allow it. */
function system(command: string): string {
  const [program = '', ...args] = command.split(' ');
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (thrown) {
    const stderr = (thrown as { readonly stderr?: string | null }).stderr ?? '';
    const said = stderr.trim() || (thrown instanceof Error ? thrown.message : String(thrown));
    throw new Refused(`${command}: ${said}`);
  }
}

function layCable(clientPid: number): void {
  const client = (command: string) => system(`nsenter -t ${clientPid} -n ${command}`);
  system('ip link set lo up');
  system(`ip link add proxy type veth peer name client netns ${clientPid}`);
  system(`ip addr add ${proxyAddress.v4}/24 dev proxy`);
  system(`ip -6 addr add ${proxyAddress.v6}/64 dev proxy nodad`);
  system('ip link set proxy up');
  client('ip link set lo up');
  client('ip addr add 10.200.0.2/24 dev client');
  client('ip -6 addr add fd00:200::2/64 dev client nodad');
  client('ip link set client up');
  client(`ip route add default via ${proxyAddress.v4}`);
  client(`ip -6 route add default via ${proxyAddress.v6}`);
  for (const { v4, v6 } of [known, unknown]) {
    system(`ip addr add ${v4}/32 dev lo`);
    system(`ip -6 addr add ${v6}/128 dev lo nodad`);
  }
}

/** What the client sends to the services is diverted; what the proxy sends itself is not. */
function divert(): void {
  for (const [tables, version, services] of [
    ['iptables', '-4', '10.1.2.0/24'],
    ['ip6tables', '-6', 'fd00:1::/64'],
  ] as const) {
    const rule = `PREROUTING -i proxy -p tcp -d ${services}`;
    if (mode === 'redirect') {
      system(`${tables} -t nat -A ${rule} -j REDIRECT --to-ports ${catchPort}`);
      continue;
    }
    system(`${tables} -t mangle -A ${rule} -j TPROXY --on-port ${catchPort} --tproxy-mark 1`);
    system(`ip ${version} rule add fwmark 1 lookup 100`);
    system(`ip ${version} route add local default dev lo table 100`);
  }
}

/** Tells everybody who it is, and where it was reached. */
async function serve(name: string, host: string, port: number): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${name} at ${socket.localAddress} ${socket.localPort}\n`);
  });
  server.listen({ host, port });
  await once(server, 'listening');
  return server;
}

function bootstrap(backendPort: number): object {
  const at = (address: string, port: number) => ({ socket_address: { address, port_value: port } });
  const chain = (cluster: string) => ({
    filters: [
      {
        name: 'envoy.filters.network.tcp_proxy',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
          stat_prefix: cluster,
          cluster,
        },
      },
    ],
  });
  const catching = (name: string, host: string) => ({
    name,
    address: at(host, catchPort),
    use_original_dst: true,
    ...(mode === 'tproxy' && { transparent: true }),
    filter_chains: [chain('passthrough')],
  });
  const service = (name: string, host: string) => ({
    name,
    address: at(host, known.port),
    bind_to_port: false,
    filter_chains: [chain('backend')],
  });
  const backend = { endpoint: { address: at('127.0.0.1', backendPort) } };
  return {
    admin: { address: at('127.0.0.1', 0) },
    static_resources: {
      listeners: [
        catching('catch4', '0.0.0.0'),
        catching('catch6', '::'),
        service('service4', known.v4),
        service('service6', known.v6),
      ],
      clusters: [
        { name: 'passthrough', type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', connect_timeout: '2s' },
        {
          name: 'backend',
          connect_timeout: '2s',
          load_assignment: { cluster_name: 'backend', endpoints: [{ lb_endpoints: [backend] }] },
        },
      ],
    },
  };
}

async function startMosn(folder: string, backendPort: number): Promise<ChildProcess> {
  const config = join(folder, 'bootstrap.json');
  const adminFile = join(folder, 'admin');
  writeFileSync(config, JSON.stringify(bootstrap(backendPort)));
  const args = [mosnProgram, '-c', config, '--admin-address-path', adminFile, '--concurrency', '2'];
  const mosn = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const deadline = Date.now() + readyTimeoutMs;
  while (Date.now() < deadline && mosn.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    try {
      const ready = await fetch(`http://${readFileSync(adminFile, 'utf8').trim()}/ready`);
      if (ready.status === 200) return mosn;
    } catch {
      // Not yet.
    }
  }
  mosn.kill('SIGKILL');
  throw new Error(`mosn did not get ready (exit ${mosn.exitCode})`);
}

const clientScript = `
const { connect } = require('node:net');
const [host, port] = process.argv.slice(1);
let heard = '';
const socket = connect({ host, port: Number(port) });
socket.setTimeout(20000, () => socket.destroy(new Error('timeout')));
socket.on('data', (chunk) => { heard += chunk; });
socket.on('error', (error) => { heard += error.code ?? error.message; });
socket.on('close', () => { process.stdout.write(heard.trim()); });
`;

async function run(): Promise<void> {
  const clientMachine = spawn('unshare', ['-n', 'sleep', '600'], { stdio: 'ignore' });
  const folder = mkdtempSync(join(tmpdir(), 'redirect-'));
  const servers: Server[] = [];
  let mosn: ChildProcess | undefined;
  try {
    await once(clientMachine, 'spawn');
    const own = system('readlink /proc/self/ns/net');
    while (system(`readlink /proc/${clientMachine.pid}/ns/net`) === own) {
      if (clientMachine.exitCode !== null) throw new Refused('unshare -n: no second network namespace');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    layCable(clientMachine.pid!);
    divert();
    const backend = await serve('backend', '127.0.0.1', 0);
    servers.push(backend);
    for (const host of [unknown.v4, unknown.v6]) servers.push(await serve('unknown', host, unknown.port));
    const address = backend.address();
    mosn = await startMosn(folder, typeof address === 'object' && address !== null ? address.port : 0);
    for (const [what, target] of [
      ['known', known],
      ['unknown', unknown],
      ['direct', { ...proxyAddress, port: catchPort }],
    ] as const) {
      for (const family of ['v4', 'v6'] as const) {
        const args = ['-t', `${clientMachine.pid}`, '-n', process.execPath, '-e', clientScript];
        // The services live in this process, so it must not wait for the client without a turn of its own.
        const { stdout } = await execute('nsenter', [...args, target[family], `${target.port}`]);
        console.log(JSON.stringify({ what, family, heard: stdout }));
      }
    }
  } finally {
    mosn?.kill('SIGKILL');
    clientMachine.kill('SIGKILL');
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await run();
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = thrown instanceof Refused ? 77 : 1;
}
