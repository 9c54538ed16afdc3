import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EchoClients } from './support/echo-clients.ts';
import { crashOneWorker } from './support/inspector.ts';
import { Mosn } from './support/mosn.ts';

const connectionCount = 40;
const listenerLimit = 12;
const globalLimit = 30;

const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function extension(name: string, message: string, fields: object = {}) {
  return { name, typed_config: { '@type': `type.googleapis.com/envoy.extensions.${message}`, ...fields } };
}

const echo = extension('envoy.filters.network.echo', 'filters.network.echo.v3.Echo');
const listener = (name: string, more: object = {}) => ({
  name,
  stat_prefix: name,
  address: at(0),
  filter_chains: [{ filters: [echo] }],
  ...more,
});

const monitor = extension(
  'envoy.resource_monitors.global_downstream_max_connections',
  'resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
  { max_active_downstream_connections: globalLimit },
);

const bootstrap = {
  admin: { address: at(0) },
  overload_manager: { resource_monitors: [monitor] },
  layered_runtime: {
    layers: [
      { name: 'limits', static_layer: { 'envoy.resource_limits.listener.few.connection_limit': listenerLimit } },
    ],
  },
  static_resources: {
    listeners: [listener('few'), listener('many'), listener('exempt', { ignore_global_conn_limit: true })],
  },
};

describe('limits of connections hold for all workers together', () => {
  let mosn: Mosn;
  const clients = new EchoClients();
  const portOf = async (name: string) => Number(new URL(await mosn.url(name)).port);
  const connected = async (name: string) => clients.served(clients.connect(await portOf(name), connectionCount));

  before(async () => {
    mosn = await Mosn.start({ bootstrap, args: ['--concurrency', '2'], nodeArgs: ['--inspect=127.0.0.1:0'] });
  });
  after(async () => {
    await clients.close();
    await mosn?.stop();
  });

  test('that of a listener, that of all, and not the places of a worker that crashed', async () => {
    const few = await connected('few');
    assert.equal(few.length, listenerLimit);
    assert.equal(await mosn.stat('listener.few.downstream_cx_overflow'), connectionCount - listenerLimit);
    const many = await connected('many');
    assert.equal(many.length, globalLimit - listenerLimit);
    assert.equal(await mosn.stat('listener.many.downstream_global_cx_overflow'), connectionCount - many.length);
    assert.equal(await mosn.stat('listener.many.downstream_cx_overflow'), 0);

    const [, inspectorUrl] = await mosn.process.printed(/Debugger listening on (ws:\S+)/);
    await crashOneWorker(inspectorUrl!);
    await mosn.process.printed(/worker replaced/);
    const [fewLeft, manyLeft] = [await clients.served(few), await clients.served(many)];
    const fewMore = await connected('few');
    assert.equal(fewLeft.length + fewMore.length, listenerLimit);
    assert.equal((await connected('many')).length, globalLimit - listenerLimit - manyLeft.length);

    assert.equal((await connected('exempt')).length, connectionCount);
    await Promise.all([...fewLeft, ...fewMore].map((client) => client.close()));
    await mosn.process.until('rid of them', async () => (await mosn.stat('listener.few.downstream_cx_active')) === 0);
    assert.equal((await connected('few')).length, 0, 'the exempt ones count for the others');
  });
});
