import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { StatsAggregate } from './aggregate.ts';
import { bucketCount, bucketOf, bucketStart, HistogramCounts } from './histogram-buckets.ts';
import { renderPrometheus, tagged } from './prometheus.ts';
import { renderStatsJson, renderStatsText } from './text.ts';
import { ThreadStats } from './thread-stats.ts';

function world(threads = 1) {
  const aggregate = new StatsAggregate();
  const stats = Array.from(
    { length: threads },
    (_, thread) => new ThreadStats((definition) => aggregate.define(thread, definition)),
  );
  return { aggregate, stats };
}

describe('histogram buckets', () => {
  test('hold every value to within 7 %', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e8, noNaN: true }), (value) => {
        const bucket = bucketOf(value);
        assert.ok(bucket >= 0 && bucket < bucketCount);
        assert.ok(bucketStart(bucket) <= value + 1e-9);
        assert.ok(value < bucketStart(bucket + 1) + 1e-9);
        assert.ok(bucketStart(bucket + 1) - bucketStart(bucket) <= Math.max(value * 0.07, 0.0011));
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test('take odd values without complaint', () => {
    for (const value of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) assert.equal(bucketOf(value), 0);
    for (const value of [Number.POSITIVE_INFINITY, 1e300]) assert.equal(bucketOf(value), bucketCount - 1);
  });

  test('answer quantiles', () => {
    const { aggregate, stats } = world();
    const histogram = stats[0]!.histogram('time');
    for (let value = 1; value <= 1000; value++) histogram.record(value);
    const { total } = [...aggregate.histograms()][0]!;
    assert.ok(Math.abs(total.quantile(0.5) - 500) < 35);
    assert.ok(Math.abs(total.quantile(0.99) - 990) < 70);
    assert.equal(total.sum, 500500);
    assert.ok(Number.isNaN(new HistogramCounts().quantile(0.5)));
  });
});

describe('thread stats', () => {
  test('one name is one metric, and threads add up', () => {
    const { aggregate, stats } = world(2);
    stats[0]!.counter('a.b').increment();
    stats[0]!.counter('a.b').add(2);
    stats[1]!.counter('a.b').add(4);
    stats[1]!.gauge('g').set(3);
    stats[1]!.gauge('g').add(-1);
    assert.equal(aggregate.value('a.b'), 7);
    assert.equal(aggregate.value('g'), 2);
    assert.equal(aggregate.value('never'), undefined);
  });

  test('a thread that ends keeps its counts and loses its gauges', () => {
    const { aggregate, stats } = world(2);
    for (const thread of stats) {
      thread.counter('c').add(5);
      thread.gauge('g').set(5);
      thread.histogram('h').record(10);
    }
    aggregate.retire(0);
    assert.equal(aggregate.value('c'), 10);
    assert.equal(aggregate.value('g'), 5);
    assert.equal([...aggregate.histograms()][0]!.total.total, 2);
  });

  test('are told in the order of their names, those that came later, too', () => {
    const { aggregate, stats } = world();
    const told = () => [...aggregate.scalars(), ...aggregate.histograms()].map(({ name }) => name);
    for (const name of ['c', 'a']) stats[0]!.counter(name);
    stats[0]!.histogram('y');
    assert.deepEqual(told(), ['a', 'c', 'y']);
    stats[0]!.gauge('b').set(1);
    stats[0]!.histogram('x');
    assert.deepEqual(told(), ['a', 'b', 'c', 'x', 'y']);
    assert.deepEqual(
      [...aggregate.scalars(/[bc]/)].map(({ name }) => name),
      ['b', 'c'],
    );
    assert.deepEqual(
      [...aggregate.histograms(/x/)].map(({ name }) => name),
      ['x'],
    );
  });

  test('many metrics fit', () => {
    const { aggregate, stats } = world();
    for (let at = 0; at < 3000; at++) stats[0]!.counter(`c${at}`).add(at);
    for (let at = 0; at < 3000; at++) assert.equal(aggregate.value(`c${at}`), at);
  });
});

describe('pages', () => {
  function sample() {
    const { aggregate, stats } = world();
    stats[0]!.counter('cluster.outbound|9080|v1|catalog.shop.svc.cluster.local.upstream_rq_200').add(3);
    stats[0]!.counter('cluster.zero.upstream_rq_total');
    stats[0]!.histogram('cluster.a.upstream_rq_time').record(7);
    return aggregate;
  }

  test('/stats', () => {
    const text = renderStatsText(sample());
    assert.match(text, /^cluster\.outbound\|9080\|v1\|catalog\.shop\.svc\.cluster\.local\.upstream_rq_200: 3$/m);
    assert.match(text, /^cluster\.zero\.upstream_rq_total: 0$/m);
    assert.match(text, /^cluster\.a\.upstream_rq_time: P0\(nan,\d.*P100\(nan,\d/m);
    assert.doesNotMatch(renderStatsText(sample(), { usedOnly: true }), /zero/);
    assert.doesNotMatch(renderStatsText(sample(), { filter: /zero/ }), /outbound/);
  });

  test('/stats?format=json', () => {
    const page = JSON.parse(renderStatsJson(sample()));
    assert.equal(page.stats[0].value, 3);
    assert.equal(page.stats.at(-1).histograms.computed_quantiles.length, 1);
  });

  test('/stats?format=json&histogram_buckets=detailed', () => {
    const page = JSON.parse(renderStatsJson(sample(), { detailed: true }));
    const [{ name, totals }] = page.stats.at(-1).histograms.details;
    assert.equal(name, 'cluster.a.upstream_rq_time');
    assert.equal(totals.length, 1);
    assert.equal(totals[0].count, 1);
    assert.ok(totals[0].lower_bound <= 7 && totals[0].lower_bound + totals[0].width > 7);
  });

  test('/stats/prometheus', () => {
    const page = renderPrometheus(sample());
    assert.match(page, /^# TYPE envoy_cluster_upstream_rq counter$/m);
    assert.ok(
      page.includes(
        'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="outbound|9080|v1|catalog.shop.svc.cluster.local"} 3\n',
      ),
    );
    assert.match(page, /^envoy_cluster_upstream_rq_time_bucket\{envoy_cluster_name="a",le="10"\} 1$/m);
    assert.match(page, /^envoy_cluster_upstream_rq_time_bucket\{envoy_cluster_name="a",le="5"\} 0$/m);
  });

  test('tags are taken out of names as Envoy does', () => {
    const cases: readonly (readonly [string, string, string])[] = [
      [
        'http.ingress_http.downstream_rq_2xx',
        'envoy_http_downstream_rq_xx',
        'envoy_response_code_class="2",envoy_http_conn_manager_prefix="ingress_http"',
      ],
      [
        'http.outbound_0.0.0.0_80;.rq_total',
        'envoy_http_rq_total',
        'envoy_http_conn_manager_prefix="outbound_0.0.0.0_80;"',
      ],
      [
        'listener.127.0.0.1_80.downstream_cx_total',
        'envoy_listener_downstream_cx_total',
        'envoy_listener_address="127.0.0.1_80"',
      ],
      ['tcp.db.downstream_cx_total', 'envoy_tcp_downstream_cx_total', 'envoy_tcp_prefix="db"'],
      ['server.live', 'envoy_server_live', ''],
      [
        'cluster.a.circuit_breakers.default.rq_open',
        'envoy_cluster_circuit_breakers_default_rq_open',
        'envoy_cluster_name="a"',
      ],
      [
        'cluster.outbound|80||a.b.grpc.shop.Books.Get.success',
        'envoy_cluster_grpc_success',
        'envoy_grpc_bridge_method="Get",envoy_grpc_bridge_service="shop.Books",envoy_cluster_name="outbound|80||a.b"',
      ],
      ['cluster.grpc.grpc-web.14', 'envoy_cluster_grpc_web_14', 'envoy_cluster_name="grpc"'],
      [
        'http.outbound_0.0.0.0_12200;.rpc.com.shop.rpc.Users.getUser.one_way',
        'envoy_http_rpc_one_way',
        'mosn_rpc_method="getUser",mosn_rpc_service="com.shop.rpc.Users",envoy_http_conn_manager_prefix="outbound_0.0.0.0_12200;"',
      ],
      [
        'http.in.rpc.Users.downstream_rq_200.time',
        'envoy_http_rpc_time',
        'mosn_rpc_method="downstream_rq_200",mosn_rpc_service="Users",envoy_http_conn_manager_prefix="in"',
      ],
      ['http.in.rpc.methods_overflow', 'envoy_http_rpc_methods_overflow', 'envoy_http_conn_manager_prefix="in"'],
    ];
    for (const [name, family, labels] of cases) assert.deepEqual(tagged(name), { family, labels }, name);
  });
});
