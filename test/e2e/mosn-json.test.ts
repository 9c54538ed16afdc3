import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { boltFrame } from '@sofamesh/protocols/bolt/sample-frames.test';
import { boltWire } from '../sim/support/bolt-wire.ts';
import { FrameReader, tokenOf } from '../sim/support/rpc-wire.ts';
import { launchMosn, Mosn } from './support/mosn.ts';
import { Origin } from './support/origin.ts';

const example = readFileSync(
  join(import.meta.dirname, '..', '..', 'examples', 'mosn-json', 'mosn_config.json'),
  'utf8',
);

/** A server in this process; connections are cut when it stops. */
class TcpServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(onSocket: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      onSocket(socket);
    });
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

const answersCalls = (socket: Socket) => {
  const reader = new FrameReader(boltWire, (frame) => socket.write(boltWire.answer(frame, tokenOf(frame)!, false, 64)));
  socket.on('data', (bytes: Buffer) => reader.push(bytes));
};

describe('mosn with a configuration of MOSN', () => {
  const shop = new TcpServer(answersCalls);
  const raw = new TcpServer((socket) => socket.pipe(socket));
  let web: Origin;
  let mosn: Mosn;

  before(async () => {
    web = await Origin.start();
    const ports = { 2045: 0, 2047: 0, 34901: 0, 12199: await shop.start(), 9090: await raw.start() };
    let text = example.replace(
      '"hosts": [{ "address": "127.0.0.1:2047" }]',
      `"hosts": [{ "address": "127.0.0.1:${web.port}" }]`,
    );
    for (const [from, to] of Object.entries(ports)) {
      text = text
        .replace(`127.0.0.1:${from}"`, `127.0.0.1:${to}"`)
        .replace(`"port_value": ${from}`, `"port_value": ${to}`);
    }
    mosn = await Mosn.start({ bootstrap: text });
  });

  after(async () => {
    await mosn.stop();
    await web.stop();
    shop.stop();
    raw.stop();
  });

  const dial = async () => connect(Number(new URL(await mosn.url('gateway')).port), '127.0.0.1');

  test('serves HTTP', async () => {
    const url = await mosn.url('gateway');
    const response = await fetch(`${url}/a?b=c`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-through'), 'mosn');
    assert.equal(response.headers.get('x-envoy-upstream-service-time'), null);
    assert.equal(await response.text(), 'GET /a?b=c');
    assert.equal(await (await fetch(`${url}/HealthZ`)).text(), 'fine\n');
  });

  test('serves bolt on the same port', async () => {
    const socket = await dial();
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const reader = new FrameReader(boltWire, resolve);
      socket.on('data', (bytes: Buffer) => reader.push(bytes)).on('error', reject);
      socket.on('close', () => reject(new Error('closed without an answer')));
      const headers = [['service', 'com.example.Shop:1.0']] as const;
      socket.write(boltFrame({ id: 7, timeoutMs: 1000, headers, content: '<t7>' }));
    });
    socket.destroy();
    assert.equal(boltWire.idOf(answer), '7');
    assert.equal(tokenOf(answer), '<t7>');
    assert.equal(await mosn.stat('cluster.shop.upstream_rq_total'), 1);
  });

  test('passes on what no protocol knows', async () => {
    const socket = await dial();
    const echo = await new Promise<string>((resolve, reject) => {
      socket.on('data', (bytes: Buffer) => resolve(bytes.toString())).on('error', reject);
      socket.on('close', () => reject(new Error('closed without an answer')));
      socket.write('~~ hello world, this is no protocol ~~');
    });
    socket.destroy();
    assert.equal(echo, '~~ hello world, this is no protocol ~~');
  });

  test('shows the bootstrap that it became', async () => {
    const { text } = await mosn.ask('/config_dump?resource=static_listeners');
    assert.match(text, /mosn\.filters\.network\.x_proxy/);
  });
});

describe('mosn with a configuration of MOSN that cannot work', () => {
  test('says what is wrong by path and ends with 1', async () => {
    const bootstrap = example.replace('"router_config_name": "gateway",\n', '"router_config_name": "gatewy",\n');
    const { process } = launchMosn({ bootstrap, args: ['--mode', 'validate'] });
    const { code } = await process.ended;
    assert.equal(code, 1);
    assert.match(process.output, /servers\[0\]\.\S+\.router_config_name: "\w+": \S/);
  });
});
