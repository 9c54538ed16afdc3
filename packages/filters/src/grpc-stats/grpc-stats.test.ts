import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DescMessage, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { filterSuite } from '@sofamesh/testkit/filter-suite';
import { LineHeaders, LineResponseHead } from '@sofamesh/testkit/line-message';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { ScriptedExchange } from '@sofamesh/testkit/scripted-exchange';
import { GrpcMessageCounter } from '../shared/grpc-messages.ts';
import { reader } from './config.ts';
import { type GrpcStatsConfig, kind } from './grpc-stats.ts';

const none: GrpcStatsConfig = { methods: 'none', upstreamTime: false, replaceDots: false };
const all: GrpcStatsConfig = { ...none, methods: 'all' };

filterSuite(kind, {
  configs: [
    { name: 'together', config: none },
    { name: 'every method', config: { ...all, upstreamTime: true } },
    { name: 'some methods', config: { ...none, methods: ['/shop.Books/Get'] } },
  ],
  headers: [[['content-type', 'application/grpc']]],
});

const messages = (...lengths: number[]) =>
  Buffer.concat(
    lengths.map((length) => {
      const message = Buffer.alloc(5 + length, 0xff);
      message[0] = 0;
      message.writeUInt32BE(length, 1);
      return message;
    }),
  );

function makeWorld(config: GrpcStatsConfig) {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const environment = { clock, random: new SeededRandom(1), stats, statPrefix: 'http.in.', logger: silentLogger };
  const make = kind.prepare(config, environment);
  /** A whole call; `status` undefined: the answer has none. */
  const call = (path: string, status: string | undefined, { cluster = 'a', type = 'application/grpc' } = {}) => {
    const exchange = new ScriptedExchange({ clock, cluster, headers: [['content-type', type]] });
    exchange.request.path = path;
    const filter = make();
    filter.onRequestHead!(exchange.request, exchange, false);
    filter.onRequestData!(messages(3), exchange, true);
    clock.advance(7);
    const head = new LineResponseHead({ id: 1, verb: 'HEAD', end: false, words: ['200'], bytes: 0 }, false);
    head.add('content-type', type);
    filter.onResponseHead!(head, exchange, false);
    filter.onResponseData!(messages(0, 9), exchange, false);
    filter.onResponseTrailers!(new LineHeaders(status === undefined ? [] : [['grpc-status', status]]), exchange);
  };
  return { stats, call };
}

describe('gRPC statistics', () => {
  test('counts a call by its status, and its messages, below its cluster and method', () => {
    const { stats, call } = makeWorld(all);
    call('/shop.Books/Get?x', '0');
    call('/shop.Books/Get', '0');
    call('/shop.Books/Get', '14');
    call('/shop.Books/Put', 'weird', { cluster: 'b' });
    assert.deepEqual(stats.nonZero('cluster.a.grpc.shop.Books.Get.'), {
      '0': 2,
      '14': 1,
      success: 2,
      failure: 1,
      total: 3,
      request_message_count: 3,
      response_message_count: 6,
    });
    const other = { failure: 1, total: 1, request_message_count: 1, response_message_count: 2 };
    assert.deepEqual(stats.nonZero('cluster.b.grpc.shop.Books.Put.'), other);
  });

  test('methods that are not listed are counted together', () => {
    const { stats, call } = makeWorld({ ...none, methods: ['/shop.Books/Get'] });
    call('/shop.Books/Get', '0');
    call('/shop.Books/Put', '0');
    call('/shop.Other/Put', '1');
    assert.equal(stats.value('cluster.a.grpc.shop.Books.Get.total'), 1);
    assert.equal(stats.value('cluster.a.grpc.total'), 2);
    assert.equal(stats.value('cluster.a.grpc.1'), 1);
    assert.equal(stats.value('cluster.a.grpc.shop.Books.Put.total'), undefined);
  });

  test('what is no gRPC call, or names no method, is not counted; nor is a call without a status', () => {
    const { stats, call } = makeWorld(all);
    for (const type of ['application/json', 'application/grpc-web', 'application/grpcx', '']) {
      call('/shop.Books/Get', '0', { type });
    }
    for (const path of ['/', '/shop.Books', '/a/b/c', '//b', '*', '/a b/c', `/${'x'.repeat(300)}/y`]) call(path, '0');
    assert.deepEqual(stats.nonZero('cluster.'), {});
    call('/shop.Books/Get', undefined);
    assert.equal(stats.value('cluster.a.grpc.shop.Books.Get.total'), undefined);
    assert.equal(stats.value('cluster.a.grpc.shop.Books.Get.request_message_count'), 1);
  });

  test('time, where it is wanted, from the last byte of the request to the end', () => {
    const { stats, call } = makeWorld({ ...all, upstreamTime: true, replaceDots: true });
    call('/shop.Books/Get', '0');
    assert.deepEqual(stats.histogram('cluster.a.grpc.shop_Books.Get.upstream_rq_time').recorded, [7]);
  });

  test('names that clients make up do not become metrics without end', () => {
    const { stats, call } = makeWorld(all);
    for (let at = 0; at < 3000; at++) call(`/shop.Books/Get${at}`, '0');
    assert.ok(stats.names.length < 5100, `${stats.names.length} metrics`);
    assert.equal(stats.value('cluster.a.grpc.total'), 3000 - 999);
    assert.equal(stats.value('http.in.grpc_stats.methods_overflow'), 3000 - 999);
    for (let at = 0; at < 100; at++) call('/shop.Books/Get', '0', { cluster: `made up ${at}` });
    assert.deepEqual(stats.nonZero('cluster.made up'), {});
  });

  test('messages are counted for every way of splitting them', () => {
    const bytes = messages(0, 1, 300, 0);
    for (let size = 1; size <= bytes.length; size++) {
      const counter = new GrpcMessageCounter();
      let count = 0;
      for (let at = 0; at < bytes.length; at += size) count += counter.count(bytes.subarray(at, at + size));
      assert.equal(count, 4);
    }
  });

  test("reads Envoy's configuration", () => {
    const schema = reader.schemas[0] as DescMessage;
    const read = (json: JsonValue) => reader.read(schema.typeName, toBinary(schema, fromJson(schema, json)));
    assert.deepEqual(read({ replace_dots_in_grpc_service_name: true }), none);
    assert.deepEqual(
      read({ stats_for_all_methods: true, replace_dots_in_grpc_service_name: true, enable_upstream_stats: true }),
      { methods: 'all', upstreamTime: true, replaceDots: true },
    );
    const services = [{ name: 'shop.Books', method_names: ['Get', 'Put'] }];
    assert.deepEqual(read({ individual_method_stats_allowlist: { services } }), {
      ...none,
      methods: ['/shop.Books/Get', '/shop.Books/Put'],
    });
  });
});
