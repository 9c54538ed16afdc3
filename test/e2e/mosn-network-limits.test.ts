import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EchoClients } from './support/echo-clients.ts';
import { crashOneWorker } from './support/inspector.ts';
import { Mosn } from './support/mosn.ts';

const connectionCount = 40;
const limit = 12;

const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function filter(name: string, message: string, fields: object = {}) {
  const typed_config = { '@type': `type.googleapis.com/envoy.extensions.filters.network.${message}`, ...fields };
  return { name: `envoy.filters.network.${name}`, typed_config };
}

const echo = filter('echo', 'echo.v3.Echo');
const limited = filter('connection_limit', 'connection_limit.v3.ConnectionLimit', {
  stat_prefix: 'few',
  max_connections: limit,
});
const rated = filter('local_ratelimit', 'local_ratelimit.v3.LocalRateLimit', {
  stat_prefix: 'slow',
  token_bucket: { max_tokens: limit, fill_interval: '3600s' },
});

const bootstrap = {
  admin: { address: at(0) },
  static_resources: {
    listeners: [
      { name: 'limited', address: at(0), filter_chains: [{ filters: [limited, echo] }] },
      { name: 'rated', address: at(0), filter_chains: [{ filters: [rated, echo] }] },
    ],
  },
};

describe('limits of network filters hold for all workers together', () => {
  let mosn: Mosn;
  const clients = new EchoClients();
  const portOf = async (listener: string) => Number(new URL(await mosn.url(listener)).port);

  before(async () => {
    mosn = await Mosn.start({
      bootstrap,
      args: ['--concurrency', '2'],
      nodeArgs: ['--inspect=127.0.0.1:0'],
    });
  });
  after(async () => {
    await clients.close();
    await mosn?.stop();
  });

  test('rates', async () => {
    const port = await portOf('rated');
    assert.equal((await clients.served(clients.connect(port, connectionCount))).length, limit);
    assert.equal((await clients.served(clients.connect(port, connectionCount))).length, 0);
    assert.equal(await mosn.stat('local_rate_limit.slow.rate_limited'), 2 * connectionCount - limit);
  });

  test('numbers of connections, those of a worker that crashed not counted any more', async () => {
    const port = await portOf('limited');
    const first = await clients.served(clients.connect(port, connectionCount));
    assert.equal(first.length, limit);
    assert.equal((await clients.served(clients.connect(port, connectionCount))).length, 0);
    assert.equal(await mosn.stat('connection_limit.few.active_connections'), limit);

    const [, inspectorUrl] = await mosn.process.printed(/Debugger listening on (ws:\S+)/);
    await crashOneWorker(inspectorUrl!);
    await mosn.process.printed(/worker replaced/);
    const left = await clients.served(first);
    assert.equal((await clients.served(clients.connect(port, connectionCount))).length, limit - left.length);
    assert.equal((await clients.served(left)).length, left.length);
    assert.equal((await clients.served(clients.connect(port, connectionCount))).length, 0);
  });
});
