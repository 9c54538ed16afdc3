import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compareHosts,
  hostCovers,
  hostNames,
  hostsOverlap,
  mostSpecificHost,
  parseServiceFqdn,
  resolveHost,
} from './host.ts';

describe('hosts', () => {
  test('a short name means a service of the namespace', () => {
    assert.equal(resolveHost('reviews', 'shop'), 'reviews.shop.svc.cluster.local');
    for (const host of ['reviews.other', '*', '*foo', '']) assert.equal(resolveHost(host, 'shop'), host);
  });

  test('names of a cluster service, by who asks', () => {
    const host = 'a.shop.svc.cluster.local';
    assert.deepEqual(hostNames(host, 'shop'), [host, 'a.shop.svc', 'a.shop', 'a']);
    assert.deepEqual(hostNames(host, 'other'), [host, 'a.shop.svc', 'a.shop']);
    assert.deepEqual(hostNames('a.com', 'shop'), ['a.com']);
    assert.equal(parseServiceFqdn('a.b.shop.svc.cluster.local'), undefined);
    assert.equal(parseServiceFqdn('.shop.svc.cluster.local'), undefined);
  });

  test('a wildcard covers what ends as it does, and not its own domain', () => {
    assert.ok(hostCovers('*.foo.com', 'a.b.foo.com') && hostCovers('*', '*.foo.com') && hostCovers('a', 'a'));
    assert.ok(!hostCovers('*.foo.com', 'foo.com') && !hostCovers('a.foo.com', '*.foo.com'));
    assert.ok(hostsOverlap('a.foo.com', '*.foo.com') && !hostsOverlap('*.foo.com', '*.bar.com'));
  });

  test('the most specific pattern wins', () => {
    assert.equal(mostSpecificHost('a.b.com', ['*', '*.com', '*.b.com', 'c.b.com']), '*.b.com');
    assert.equal(mostSpecificHost('a.b.com', ['*.b.com', 'a.b.com']), 'a.b.com');
    assert.equal(mostSpecificHost('a', ['b']), undefined);
    assert.deepEqual(['*', 'b', '*.b.com', 'a', '*.a.b.com'].sort(compareHosts), [
      'a',
      'b',
      '*.a.b.com',
      '*.b.com',
      '*',
    ]);
  });
});
