import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chain, httpProxy, inline, listenerConfig } from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';
import { openTelemetry, TracedWorld, tracingConfig, zipkin } from './test-support/traced-world.ts';

/** Those that are not about requests. */
const gauges = /_cx_(\w+_)?active|listeners_active|membership|_open$/;

async function askTimes(traced: TracedWorld, times: number): Promise<void> {
  for (let each = 0; each < times; each++) await traced.ask();
  traced.client.take();
}

describe('reports of spans', () => {
  test('go out after a second, as the collector wants them', async () => {
    const traced = await TracedWorld.start(tracingConfig({ provider: openTelemetry }));
    await traced.ask();
    await traced.world.pass(900);
    assert.deepEqual(traced.collector.take(), []);
    await traced.world.pass(200);
    const [head, body] = traced.collector.take();
    assert.match(head!, /^1 REQ POST zipkin\.test %2Fv1%2Ftraces /);
    assert.match(head!, /content-type=spans%2Fopentelemetry;content-length=7;api-key=k/);
    assert.equal(body, '1 DAT. front.1');
    const { stats } = traced.world;
    for (const name of ['spans_sent', 'timer_flushed', 'http_reports_sent', 'http_reports_success']) {
      assert.equal(traced.count(`opentelemetry.${name}`), 1, name);
    }
    assert.equal(traced.count('opentelemetry.http_reports_failed'), 0);
    assert.equal(stats.get('cluster.collector.upstream_rq_202'), 1);
    assert.equal(stats.get('cluster.collector.upstream_rq_active'), 0);
  });

  test('or when there are a hundred', async () => {
    const traced = await TracedWorld.start(tracingConfig());
    await askTimes(traced, 250);
    assert.deepEqual(
      traced.collector.take().filter((line) => line.includes('DAT')),
      ['1 DAT. front.100', '2 DAT. front.100'],
    );
    assert.equal(traced.count('zipkin.timer_flushed'), 0);
    await traced.reported();
    assert.deepEqual([traced.count('zipkin.spans_sent'), traced.count('zipkin.reports_sent')], [250, 3]);
  });

  test('wait and are dropped while the collector does not answer, and go on when it does', async () => {
    const traced = await TracedWorld.start(tracingConfig(), { onReport: () => {} });
    await askTimes(traced, 1450);
    const { stats } = traced.world;
    assert.equal(stats.get('cluster.collector.upstream_rq_active'), 4);
    assert.deepEqual([traced.count('zipkin.spans_sent'), traced.count('zipkin.spans_dropped')], [400, 50]);
    await traced.world.pass(5100);
    assert.equal(traced.count('zipkin.reports_failed'), 4);
    assert.equal(stats.get('cluster.collector.upstream_rq_timeout'), 4);
    assert.equal(traced.count('zipkin.spans_sent'), 800);
    await traced.world.pass(20_000);
    assert.equal(traced.count('zipkin.spans_sent'), 1400);
    assert.deepEqual(stats.gaugesLeft(gauges), []);
  });

  test('are refused', async () => {
    const refuse = (line: string, peer: { send(...lines: string[]): void }) => {
      if (line.includes(' DAT.')) peer.send(`${line.split(' ')[0]} RSP 500`, `${line.split(' ')[0]} TRL. a=b`);
    };
    for (const [provider, counter] of [
      [zipkin, 'zipkin.reports_dropped'],
      [openTelemetry, 'opentelemetry.http_reports_failed'],
    ] as const) {
      const traced = await TracedWorld.start(tracingConfig({ provider }), { onReport: refuse });
      await traced.ask();
      await traced.reported();
      assert.equal(traced.count(counter), 1);
      assert.deepEqual(traced.world.stats.gaugesLeft(gauges), []);
    }
  });

  test('over gRPC are judged by its own status', async () => {
    const provider = { ...openTelemetry, format: 'opentelemetry-grpc' } as const;
    for (const [answers, counter] of [
      [['RSP 200', 'TRL. grpc-status=0'], 'grpc_reports_success'],
      [['RSP. 200 grpc-status=0'], 'grpc_reports_success'],
      [['RSP 200', 'TRL. grpc-status=14'], 'grpc_reports_failed'],
      [['RSP. 200'], 'grpc_reports_failed'],
      [['RSP. 503 grpc-status=0'], 'grpc_reports_failed'],
    ] as const) {
      const onReport = (line: string, peer: { send(...lines: string[]): void }) => {
        if (line.includes(' DAT.')) peer.send(...answers.map((each) => `${line.split(' ')[0]} ${each}`));
      };
      const traced = await TracedWorld.start(tracingConfig({ provider }), { onReport });
      await traced.ask();
      await traced.reported();
      assert.deepEqual(
        [traced.count(`opentelemetry.${counter}`), traced.count('opentelemetry.spans_sent')],
        [1, 1],
        answers[0],
      );
      assert.deepEqual(traced.world.stats.gaugesLeft(gauges), []);
    }
  });

  test('are reset, or find nobody', async () => {
    const reset = await TracedWorld.start(tracingConfig(), {
      onReport: (line, peer) => {
        if (line.includes(' DAT.')) peer.send(`${line.split(' ')[0]} RST. remote-reset`);
      },
    });
    await reset.ask();
    await reset.reported();
    assert.equal(reset.count('zipkin.reports_failed'), 1);
    const closed = await TracedWorld.start(tracingConfig());
    closed.collector.close();
    await closed.ask();
    await closed.reported();
    assert.equal(closed.count('zipkin.reports_failed'), 1);
    assert.equal(closed.world.stats.get('cluster.collector.upstream_cx_connect_fail'), 1);
    const nobody = await TracedWorld.start(tracingConfig({ provider: { ...zipkin, cluster: 'empty' } }));
    await askTimes(nobody, 300);
    assert.equal(nobody.count('zipkin.reports_failed'), 3);
    assert.deepEqual([...reset.world.stats.gaugesLeft(gauges), ...closed.world.stats.gaugesLeft(gauges)], []);
  });

  test('have no cluster', async () => {
    const traced = await TracedWorld.start(tracingConfig({ provider: { ...zipkin, cluster: 'nowhere' } }));
    await traced.ask();
    assert.match(traced.client.take()[0]!, /^1 RSP\. 200/);
    await traced.reported();
    assert.deepEqual([traced.count('zipkin.reports_skipped_no_cluster'), traced.count('zipkin.spans_sent')], [1, 0]);
  });

  test('of a drain do not wait', async () => {
    const traced = await TracedWorld.start(tracingConfig());
    await traced.ask();
    traced.client.connection.close('now');
    await traced.world.settle();
    let drained = false;
    void traced.world.engine.drain(5000).then(() => {
      drained = true;
    });
    await traced.world.settle();
    assert.equal(drained, true);
    assert.equal(traced.count('zipkin.reports_sent'), 1);
    assert.deepEqual(traced.world.stats.gaugesLeft(gauges), []);
  });

  test('do not hold up a drain for longer than a second', async () => {
    const traced = await TracedWorld.start(tracingConfig(), { onReport: () => {} });
    await traced.ask();
    traced.client.connection.close('now');
    await traced.world.settle();
    let drained = false;
    void traced.world.engine.drain(5000).then(() => {
      drained = true;
    });
    await traced.world.pass(900);
    assert.equal(drained, false);
    await traced.world.pass(200);
    assert.equal(drained, true);
  });

  test('of an engine that is closed are given up', async () => {
    const traced = await TracedWorld.start(tracingConfig());
    await traced.ask();
    void traced.world.engine.close();
    await traced.world.settle();
    await traced.world.pass(5000);
    assert.equal(traced.count('zipkin.spans_sent'), 0);
  });

  test('of listeners with the same collector are one', async () => {
    const traced = await TracedWorld.start(tracingConfig());
    const rejections = await traced.world.apply({
      listeners: [
        listenerConfig([chain(httpProxy(inline([]), { tracing: tracingConfig({ kind: 'client' }) }))], {
          name: 'second',
          address: { kind: 'ip', host: '127.0.0.1', port: 8081 },
        }),
      ],
    });
    assert.deepEqual(rejections, []);
    const other = await traced.world.client(8081);
    await traced.ask();
    other.send('1 REQ. GET a /');
    await traced.world.settle();
    assert.equal((await traced.reported()).length, 2);
    assert.equal(traced.count('zipkin.reports_sent'), 1);
  });
});

test('a listener that traces is refused where spans cannot be written', async () => {
  const world = new EngineWorld([], { withoutSpans: true });
  const network = httpProxy(inline([]), { tracing: tracingConfig() });
  const [rejection] = await world.apply({ listeners: [listenerConfig([chain(network)])] });
  assert.match(rejection!.reason, /filter_chains\[0\].*tracing\.provider: zipkin: spans cannot be written so here/);
});
