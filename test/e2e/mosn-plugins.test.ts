import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { tokenFrame, tokenGuest } from '@sofamesh/protocols/shared/wasm/test-support/token-guest';
import { launchMosn, Mosn, type MosnOptions, mosnSources } from './support/mosn.ts';

const root = join(import.meta.dirname, '..', '..');
const typeUrl = (name: string) => `type.googleapis.com/${name}`;
const socketAddress = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

/** A folder outside of the repository with the example's plug-in, and a package in its `node_modules`. */
function userFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mosn-plugins-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, 'examples', 'plugin-protocol', 'parcel.ts'), join(folder, 'parcel.ts'));
  const folderOfPackage = join(folder, 'node_modules', 'last-host');
  mkdirSync(folderOfPackage, { recursive: true });
  const manifest = { name: 'last-host', version: '1.0.0', type: 'module', exports: { '.': { import: './index.js' } } };
  writeFileSync(join(folderOfPackage, 'package.json'), JSON.stringify(manifest));
  writeFileSync(
    join(folderOfPackage, 'index.js'),
    `export default async (kit, { policy }) => ({
       name: 'last-host',
       balancers: [{
         name: policy,
         create: () => ({ hosts: [], update(hosts) { this.hosts = hosts; }, pick() { return this.hosts.at(-1); } }),
       }],
     });`,
  );
  writeFileSync(join(folder, 'tokens.wasm'), tokenGuest());
  return folder;
}

const parcelPlugins = [
  { path: './parcel.ts', config: { service: 'parcel.Office' } },
  { package: 'last-host', config: { policy: 'last' } },
];

/** One listener `in` for calls of a protocol, to the last of the hosts. */
function bootstrapOf(plugins: readonly object[], protocol: string, ports: readonly number[], denied = ['burn']) {
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': typeUrl('envoy.extensions.filters.http.router.v3.Router') },
  };
  const deny = {
    name: 'parcel.filters.deny',
    typed_config: { '@type': typeUrl('xds.type.v3.TypedStruct'), value: { methods: denied } },
  };
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'backend' } }];
  const proxy = {
    '@type': typeUrl('mosn.extensions.filters.network.x_proxy.v1.XProxy'),
    protocol,
    stat_prefix: 'in',
    route_config: { name: 'in', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: protocol === 'parcel' ? [deny, router] : [router],
  };
  const lastHost = { name: 'last', typed_config: { '@type': typeUrl('google.protobuf.Struct'), value: {} } };
  return {
    admin: { address: socketAddress(0) },
    bootstrap_extensions: [
      {
        name: 'mosn.bootstrap.plugins',
        typed_config: { '@type': typeUrl('mosn.extensions.bootstrap.plugins.v1.Plugins'), plugins },
      },
    ],
    static_resources: {
      listeners: [
        {
          name: 'in',
          address: socketAddress(0),
          filter_chains: [{ filters: [{ name: 'mosn.filters.network.x_proxy', typed_config: proxy }] }],
        },
      ],
      clusters: [
        {
          name: 'backend',
          type: 'STATIC',
          connect_timeout: '1s',
          ...(protocol === 'parcel' && {
            load_balancing_policy: { policies: [{ typed_extension_config: lastHost }] },
          }),
          load_assignment: {
            cluster_name: 'backend',
            endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: socketAddress(port) } })) }],
          },
        },
      ],
    },
  };
}

function parcel(type: 'Q' | 'A' | 'E', id: number, method: string, body: string): Buffer {
  const head = Buffer.from(`PC${type}\0\0\0\0\0\0\0\0\0`);
  head[3] = Buffer.byteLength(method);
  head.writeUInt32BE(id, 4);
  head.writeUInt32BE(Buffer.byteLength(method + body), 8);
  return Buffer.concat([head, Buffer.from(method + body)]);
}

/** What the WebAssembly codec does, said as data. */
const declarativeTokens = `
name: plain-tokens
byteOrder: little
magic: { hex: a7 }
kinds: { request: { at: 1, is: 0 }, reply: { at: 1, is: 1 } }
id: { at: 8, size: 8 }
layout: { head: 16, length: { at: 4, size: 4 } }
`;

/** Calls `onFrame` for each whole frame; `lengthOf` is 0 while it is not known. */
function frames(socket: Socket, lengthOf: (bytes: Buffer) => number, onFrame: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let length = lengthOf(rest); length > 0 && length <= rest.length; length = lengthOf(rest)) {
      onFrame(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  });
}

const parcelLength = (bytes: Buffer) => (bytes.length < 12 ? 0 : 12 + bytes.readUInt32BE(8));
const tokenLength = (bytes: Buffer) => (bytes.length < 16 ? 0 : 16 + bytes.readUInt32LE(4));

async function serve(
  t: TestContext,
  lengthOf: (bytes: Buffer) => number,
  answer: (frame: Buffer) => Buffer,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    frames(socket, lengthOf, (frame) => socket.write(answer(frame)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** Sends frames on one connection and resolves with so many answers. */
async function exchange(
  t: TestContext,
  mosn: Mosn,
  lengthOf: (bytes: Buffer) => number,
  asked: readonly Buffer[],
): Promise<Buffer[]> {
  const client = connect(Number(new URL(await mosn.url()).port), '127.0.0.1');
  t.after(() => client.destroy());
  const answers: Buffer[] = [];
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error(`closed after ${answers.length} answers`)));
    frames(client, lengthOf, (frame) => {
      answers.push(frame);
      if (answers.length === asked.length) resolve(answers);
    });
    client.write(Buffer.concat(asked));
  });
}

async function carriesParcels(t: TestContext, options: Partial<MosnOptions>, connections: number): Promise<Mosn> {
  const folder = userFolder(t);
  const wrong = await serve(t, parcelLength, (frame) => parcel('A', frame.readUInt32BE(4), '', 'wrong host'));
  const right = await serve(t, parcelLength, (frame) =>
    parcel('A', frame.readUInt32BE(4), '', `thank you for ${frame.toString('utf8', 12 + frame[3]!)}`),
  );
  const mosn = await Mosn.start({
    folder,
    bootstrap: bootstrapOf(parcelPlugins, 'parcel', [wrong, right]),
    ...options,
  });
  t.after(() => mosn.stop());
  for (let connection = 0; connection < connections; connection++) {
    const asked = [7, 8, 9].map((id) => parcel('Q', id, id === 8 ? 'burn' : 'send', `book ${connection}/${id}`));
    const answers = await exchange(t, mosn, parcelLength, asked);
    const sorted = answers.map((frame) => frame.toString('latin1')).sort();
    assert.deepEqual(
      sorted,
      [
        parcel('A', 7, '', `thank you for book ${connection}/7`),
        parcel('A', 9, '', `thank you for book ${connection}/9`),
        parcel('E', 8, '', '403 not for you'),
      ]
        .map((frame) => frame.toString('latin1'))
        .sort(),
    );
  }
  return mosn;
}

describe('plug-ins from outside of the repository', () => {
  for (const concurrency of ['1', '2']) {
    test(`carry calls, balance and filter them (${concurrency} threads)`, async (t) => {
      const mosn = await carriesParcels(t, { args: ['--concurrency', concurrency] }, 6);
      assert.equal(await mosn.stat('server.concurrency'), Number(concurrency));
      assert.equal(await mosn.stat('cluster.backend.upstream_rq_total'), 12);
      mosn.process.signal('SIGTERM');
      assert.equal((await mosn.process.ended).code, 0, mosn.process.output);
    });
  }

  test('are loaded by mosn from its sources', async (t) => {
    await carriesParcels(t, { program: mosnSources, args: ['--concurrency', '2'] }, 2);
  });

  test('may be a WebAssembly codec', async (t) => {
    const folder = userFolder(t);
    const port = await serve(t, tokenLength, (frame) =>
      tokenFrame('reply', frame.readUInt32LE(8), { token: frame.toString('utf8', 16), method: frame[3]! }),
    );
    const plugins = [{ wasm: { name: 'tokens', path: './tokens.wasm', head_bytes: 16, max_memory_pages: 32 } }];
    const args = ['--concurrency', '2'];
    const mosn = await Mosn.start({ folder, bootstrap: bootstrapOf(plugins, 'tokens', [port]), args });
    t.after(() => mosn.stop());
    for (let round = 0; round < 4; round++) {
      const asked = [1, 2, 3].map((id) => tokenFrame('request', id, { token: `token ${round}/${id}`, method: id }));
      const answers = await exchange(t, mosn, tokenLength, asked);
      const expected = [1, 2, 3].map((id) => tokenFrame('reply', id, { token: `token ${round}/${id}`, method: id }));
      assert.deepEqual(
        answers.sort((one, other) => one.readUInt32LE(8) - other.readUInt32LE(8)),
        expected,
      );
      // A guest that fails costs its connection, and nothing else.
      for (const bad of ['trap', 'endless'] as const) {
        await assert.rejects(exchange(t, mosn, tokenLength, [tokenFrame(bad, 1)]), /closed after 0 answers/);
      }
    }
    assert.equal(await mosn.stat('server.live'), 1);
  });

  test('may be a description of frames', async (t) => {
    const folder = userFolder(t);
    writeFileSync(join(folder, 'tokens.yaml'), declarativeTokens);
    const port = await serve(t, tokenLength, (frame) =>
      tokenFrame('reply', frame.readUInt32LE(8), { token: frame.toString('utf8', 16) }),
    );
    const plugins = [{ declarative_file: './tokens.yaml' }];
    const mosn = await Mosn.start({ folder, bootstrap: bootstrapOf(plugins, 'plain-tokens', [port]) });
    t.after(() => mosn.stop());
    const answers = await exchange(t, mosn, tokenLength, [tokenFrame('request', 5, { token: 'described' })]);
    assert.deepEqual(answers, [tokenFrame('reply', 5, { token: 'described' })]);
  });

  test('that cannot be used are named, a line each', async (t) => {
    const folder = userFolder(t);
    const files = {
      'none.ts': 'export const plugin = 1;',
      'throws.ts': `export default () => { throw new Error('no licence\\nfor you'); };`,
      'taken.ts': `export default (kit) => ({ name: 'x', protocols: [kit.frameProtocol({ name: 'bolt', headBytes: 1 })] });`,
      'odd.mjs': `export default () => ({ name: 'odd', protocols: [{ name: 'odd', pooling: 'sometimes' }] });`,
      'broken.ts': 'export default (: => {',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, 'bad.wasm'), 'no module');
    const plugins = [
      ...['./missing.ts', './none.ts', './throws.ts', './taken.ts', './odd.mjs', './broken.ts'].map((path) => ({
        path,
      })),
      { package: 'no-such-package' },
    ];
    const run = async (bootstrap: object) => {
      const { process } = launchMosn({ folder, bootstrap, args: ['--concurrency', '2'] });
      assert.equal((await process.ended).code, 1, process.output);
      return process.output.trim().split('\n');
    };
    const lines = await run(bootstrapOf(plugins, 'parcel', [1]));
    const at = (index: number) => `bootstrap_extensions[0].typed_config.plugins[${index}]: `;
    const reasons = [
      /"\.\/missing\.ts": Cannot find module .*missing\.ts/,
      /"\.\/none\.ts": has no function as its default export/,
      /"\.\/throws\.ts": no licence for you/,
      /"\.\/taken\.ts": there is a protocol bolt already/,
      /"\.\/odd\.mjs": its protocols\[0\] has pooling "sometimes"/,
      /"\.\/broken\.ts": ./,
      /"no-such-package": Cannot find package 'no-such-package'/,
    ];
    assert.equal(lines.length, reasons.length, lines.join('\n'));
    for (const [index, reason] of reasons.entries()) {
      assert.ok(lines[index]!.startsWith(at(index)), lines[index]!);
      assert.match(lines[index]!, reason);
    }
    const inWorkers = `import { isMainThread } from 'node:worker_threads';
      export default () => { if (!isMainThread) throw new Error('alone only'); return { name: 'x' }; };`;
    writeFileSync(join(folder, 'workers.ts'), inWorkers);
    const told = await run(bootstrapOf([{ path: './workers.ts' }], 'bolt', [1]));
    assert.match(
      told.at(-1)!,
      /worker \d: bootstrap_extensions\[0\]\.typed_config\.plugins\[0\]: "\.\/workers\.ts": alone only$/,
    );
    const wasm = await run(bootstrapOf([{ wasm: { name: 'w', path: './bad.wasm' } }, {}], 'w', [1]));
    assert.match(wasm[0]!, /plugins\[0\]\.wasm\.path: "\.\/bad\.wasm": is no WebAssembly module/);
    assert.match(wasm[1]!, /plugins\[1\]: absent: needs path, package, wasm, declarative or declarative_file/);
  });

  test('refuse a configuration of theirs by its field', async (t) => {
    const folder = userFolder(t);
    const bootstrap = bootstrapOf(parcelPlugins, 'parcel', [1], 'burn' as never);
    const { process } = launchMosn({ folder, bootstrap, args: ['--mode', 'validate'] });
    assert.equal((await process.ended).code, 1);
    const at = 'static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config';
    assert.ok(process.output.includes(`${at}: "parcel.filters.deny": methods must be a list of names`), process.output);
  });

  test('are checked without being served', async (t) => {
    const folder = userFolder(t);
    const bootstrap = bootstrapOf(parcelPlugins, 'parcel', [1]);
    const { process } = launchMosn({ folder, bootstrap, args: ['--mode', 'validate'] });
    assert.equal((await process.ended).code, 0, process.output);
    assert.match(process.output, /OK/);
  });
});
