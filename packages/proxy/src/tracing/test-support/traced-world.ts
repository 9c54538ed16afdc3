import assert from 'node:assert/strict';
import type { SpanRecord, SpanTag } from '@sofamesh/contract/trace';
import { decodeHeaders } from '@sofamesh/testkit/line-message';
import type { HttpProxyConfig } from '../../config/listener.ts';
import type { ForwardConfig, RouteConfig } from '../../config/route.ts';
import type { TraceProviderConfig, TracingConfig } from '../../config/tracing.ts';
import {
  anyPath,
  chain,
  clusterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  route,
  rpcProxy,
} from '../../test-support/configs.ts';
import { answering, EngineWorld, type LinePeer, type Upstream } from '../../test-support/engine-world.ts';

export const zipkin: TraceProviderConfig = {
  format: 'zipkin',
  service: 'front',
  cluster: 'collector',
  authority: 'zipkin.test',
  path: '/api/v2/spans',
  headers: [],
  timeoutMs: 5000,
  longTraceIds: true,
  sharesSpanIds: true,
};

export const openTelemetry: TraceProviderConfig = {
  ...zipkin,
  format: 'opentelemetry',
  path: '/v1/traces',
  headers: [['api-key', 'k']],
  sharesSpanIds: false,
};

export function tracingConfig(more: Partial<TracingConfig> = {}): TracingConfig {
  return {
    provider: zipkin,
    kind: 'server',
    spansOfTries: false,
    clientPpm: 1_000_000,
    randomPpm: 1_000_000,
    overallPpm: 1_000_000,
    pathLengthMax: 256,
    tags: [],
    ...more,
  };
}

export interface TracedOptions {
  readonly rpc?: boolean;
  readonly forward?: Partial<ForwardConfig>;
  readonly route?: Partial<RouteConfig>;
  readonly http?: Partial<HttpProxyConfig>;
  /** What the upstream does; it answers at once unless told. */
  readonly onLine?: (line: string, peer: LinePeer) => void;
  /** The same of the collector. */
  readonly onReport?: (line: string, peer: LinePeer) => void;
}

/** A listener that traces, an upstream `shop` at port 1 and a collector at port 9. */
export class TracedWorld {
  readonly world = new EngineWorld();
  client!: LinePeer;
  upstream!: Upstream;
  collector!: Upstream;
  /** The head of the last request that came to the upstream, as it came. */
  line = '';
  #id = 0;

  static async start(tracing: TracingConfig | undefined, options: TracedOptions = {}): Promise<TracedWorld> {
    const traced = new TracedWorld();
    const { world } = traced;
    traced.upstream = await world.upstream(1, options.onLine ?? answering(options.rpc ? 'BACK. 200' : 'RSP. 200'));
    traced.collector = await world.upstream(9, options.onReport ?? answering('RSP. 202'));
    const routes = inline([route(forward('shop', options.forward), anyPath, options.route)]);
    const network = options.rpc ? rpcProxy(routes, { tracing }) : httpProxy(routes, { tracing, ...options.http });
    const rejections = await world.apply({
      clusters: [clusterConfig('shop', [1]), clusterConfig('collector', [9]), clusterConfig('empty', [])],
      listeners: [listenerConfig([chain(network)])],
    });
    assert.deepEqual(rejections, []);
    traced.client = await world.client();
    return traced;
  }

  /** Sends one request and lets it be answered; the headers with which it came to the upstream. */
  async ask(headers = '', verb = 'REQ.'): Promise<Record<string, string>> {
    this.client.send(`${++this.#id} ${verb} POST shop.Users %2Fget ${headers}`);
    await this.world.settle();
    return this.sentOn();
  }

  /** Headers of the last request that came to the upstream. */
  sentOn(): Record<string, string> {
    this.line = this.upstream.take().findLast((each) => / (REQ|CALL|TELL)\.? /.test(each)) ?? '';
    return Object.fromEntries(decodeHeaders(this.line.split(' ')[5] ?? ''));
  }

  /** Lets the reporter's time come; the spans that have been reported so far. */
  async reported(): Promise<SpanRecord[]> {
    await this.world.pass(1100);
    return this.world.spans.splice(0);
  }

  count(name: string): number {
    return this.world.stats.get(`tracing.${name}`);
  }
}

export function tagsIn(span: SpanRecord | undefined): Record<string, SpanTag[1]> {
  return Object.fromEntries(span?.tags ?? []);
}
