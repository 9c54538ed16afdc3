import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { VirtualHostSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { appendEncoded, duration, millionths } from './protobuf.ts';

test('encoded parts become a message that decodes as if it had been encoded whole', () => {
  // Lengths on either side of where a varint grows.
  for (const length of [1, 100, 127, 128, 16_383, 20_000]) {
    const hosts = ['a', 'b'].map((name) => create(VirtualHostSchema, { name, domains: ['x'.repeat(length)] }));
    const head = toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name: '80' }));
    const joined = appendEncoded(
      head,
      RouteConfigurationSchema.field.virtualHosts.number,
      hosts.map((host) => toBinary(VirtualHostSchema, host)),
    );
    const whole = create(RouteConfigurationSchema, { name: '80', virtualHosts: hosts });
    assert.deepEqual(fromBinary(RouteConfigurationSchema, joined), whole);
  }
});

test('durations keep their fractions', () => {
  const parts = (ms: number) => [Number(duration(ms).seconds), duration(ms).nanos];
  assert.deepEqual(parts(0), [0, 0]);
  assert.deepEqual(parts(1500), [1, 500_000_000]);
  assert.deepEqual(parts(0.001), [0, 1000]);
  assert.deepEqual(parts(1100.3), [1, 100_300_000]);
});

test('percentages are parts of a million, within bounds', () => {
  assert.deepEqual([0, 0.0001, 2.5, 33.3333, 100, 250, -1].map(millionths), [0, 1, 25_000, 333_333, 1e6, 1e6, 0]);
});
