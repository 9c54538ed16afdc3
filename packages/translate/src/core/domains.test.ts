import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '@sofamesh/contract/registry';
import { domainsOf, serviceNames, shareDomains } from './domains.ts';

const service = (host: string, others: Partial<Service> = {}): Service => ({
  namespace: 'shop',
  host,
  aliases: [],
  addresses: [],
  ports: [],
  labels: {},
  resolution: 'static',
  external: false,
  exportTo: [],
  ...others,
});

test('a service of the mesh has short names: the shortest only in its own namespace', () => {
  const host = 'a.shop.svc.cluster.local';
  assert.deepEqual(serviceNames(service(host), 'shop', 'cluster.local'), [host, 'a.shop.svc', 'a.shop', 'a']);
  assert.deepEqual(serviceNames(service(host), 'other', 'cluster.local'), [host, 'a.shop.svc', 'a.shop']);
});

test('aliases and addresses are names; ranges are not; IPv6 has brackets', () => {
  const one = service('Api.Example.com', {
    aliases: ['com.example.A'],
    addresses: ['10.0.0.1', '10.8.0.0/16', 'fd00::1'],
  });
  assert.deepEqual(serviceNames(one, 'shop', 'cluster.local'), [
    'api.example.com',
    'com.example.a',
    '10.0.0.1',
    '[fd00::1]',
  ]);
});

test('each name with and without its port; wildcards at the end stand for both', () => {
  assert.deepEqual(domainsOf(['a', '*.b', '127.*', '*'], 80), ['a', 'a:80', '*.b', '*.b:80', '127.*', '*']);
});

test('a domain has one owner: whose own name it is, else the first', () => {
  assert.deepEqual(
    shareDomains([
      ['x.y', 'x.y:80', 'z', 'z:80', 'shared'],
      ['z', 'z:80', 'shared'],
      ['x.y', 'x.y:80'],
    ]),
    [['x.y', 'x.y:80', 'shared'], ['z', 'z:80'], []],
  );
});
