import type { TestContext } from 'node:test';
import { httpBootstrap, Mosn } from './mosn.ts';

const rpcOptions = 'mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions';
const typeUrl = (name: string) => `type.googleapis.com/${name}`;

/** What a cluster says that converts to a protocol; a mapping as a text is YAML. */
function converting(protocol: string, mapping: object | string): object {
  const text = typeof mapping === 'string' ? mapping : JSON.stringify(mapping);
  return { [rpcOptions]: { '@type': typeUrl(rpcOptions), conversion: { protocol, mapping: { inline_string: text } } } };
}

interface Answer {
  readonly status: number;
  readonly type: string | null;
  /** Out of JSON; an empty text where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the service answers, which the tests look into.
  readonly body: any;
}

export interface Gateway {
  readonly mosn: Mosn;
  ask(path: string, init?: RequestInit): Promise<Answer>;
  post(path: string, body: unknown, type?: string): Promise<Answer>;
}

/** mosn with an HTTP listener, whose cluster (one host) converts to calls of an RPC protocol. */
export async function startGateway(
  t: Pick<TestContext, 'after'>,
  port: number,
  protocol: string,
  mapping: object | string,
): Promise<Gateway> {
  const { bootstrap, parts } = httpBootstrap(port);
  Object.assign(parts.cluster, { typed_extension_protocol_options: converting(protocol, mapping) });
  const mosn = await Mosn.start({ bootstrap });
  t.after(() => mosn.stop());
  const url = await mosn.url();
  const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
    const response = await fetch(url + path, init);
    const text = await response.text();
    const body = text === '' ? '' : JSON.parse(text);
    return { status: response.status, type: response.headers.get('content-type'), body };
  };
  const post = (path: string, body: unknown, type = 'application/json') =>
    ask(path, { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) });
  return { mosn, ask, post };
}

/** mosn with a listener for calls, whose cluster (one host) converts to HTTP: its address as well. */
export async function startCallEdge(
  t: Pick<TestContext, 'after'>,
  port: number,
  listener: string,
  protocol: 'http1' | 'http2',
  mapping: object | string,
): Promise<{ readonly mosn: Mosn; readonly address: string }> {
  const { bootstrap, parts } = httpBootstrap(port);
  Object.assign(parts.cluster, { typed_extension_protocol_options: converting(protocol, mapping) });
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'backend' } }];
  const router = { '@type': typeUrl('envoy.extensions.filters.http.router.v3.Router') };
  const proxy = {
    '@type': typeUrl('mosn.extensions.filters.network.x_proxy.v1.XProxy'),
    protocol: listener,
    stat_prefix: 'in',
    route_config: { name: 'in', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: router }],
  };
  const filters = [{ name: 'mosn.filters.network.x_proxy', typed_config: proxy }];
  Object.assign(parts.listener, { filter_chains: [{ filters }] });
  const mosn = await Mosn.start({ bootstrap });
  t.after(() => mosn.stop());
  return { mosn, address: new URL(await mosn.url()).host };
}
