import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { TranslationCache } from './cache.ts';
import type { MeshSnapshot, ProxyNode, ProxyResources } from './input.ts';
import { proxies, snapshots, variation } from './test-support/arbitrary.ts';
import { readable } from './test-support/readable.ts';
import { translate } from './translate.ts';

describe('any valid mesh', () => {
  test('gives every proxy resources that fit together', () => {
    fc.assert(
      fc.property(snapshots, proxies, (snapshot, proxy) => fitTogether(translate(proxy, snapshot))),
      { numRuns: 80 },
    );
  });

  test('gives the same bytes whatever the cache has seen before', () => {
    const cache = new TranslationCache();
    fc.assert(
      fc.property(snapshots, fc.array(proxies, { minLength: 2, maxLength: 3 }), variation, (first, nodes, change) => {
        let snapshot = first;
        for (const step of [first, change(first), change(change(first))]) {
          snapshot = step;
          for (const proxy of nodes)
            equal(translate(proxy, snapshot, cache), translate(proxy, snapshot), proxy, snapshot);
        }
      }),
      { numRuns: 40 },
    );
  });
});

function equal(a: ProxyResources, b: ProxyResources, proxy: ProxyNode, snapshot: MeshSnapshot): void {
  const differs = (['clusters', 'endpoints', 'listeners', 'routes'] as const).some(
    (kind) =>
      a[kind].length !== b[kind].length ||
      a[kind].some(
        ({ name, bytes }, at) => name !== b[kind][at]!.name || Buffer.compare(bytes, b[kind][at]!.bytes) !== 0,
      ),
  );
  if (differs) assert.deepEqual(readable(a), readable(b), `${proxy.id} in ${JSON.stringify(snapshot)}`);
  const sorted = (resources: ProxyResources) => resources.notes.map((note) => JSON.stringify(note)).sort();
  assert.deepEqual(sorted(a), sorted(b));
}

type Node = { readonly [field: string]: JsonValue };

function fitTogether(resources: ProxyResources): void {
  const { clusters, endpoints, listeners, routes } = readable(resources) as unknown as Record<string, Node[]>;
  const clusterNames = unique(clusters!.map(({ name }) => name as string));
  const eds = clusters!
    .filter(({ type }) => type === 'EDS')
    .map(({ eds_cluster_config: config }) => (config as Node)['service_name'] as string);
  const assignments = unique(endpoints!.map(({ cluster_name: name }) => name as string));
  assert.deepEqual([...assignments].sort(), [...eds].sort(), 'endpoints are those of the EDS clusters');
  unique(listeners!.map(({ name }) => name as string));
  unique(listeners!.map(({ address }) => JSON.stringify(address)));
  const routeNames = unique(routes!.map(({ name }) => name as string));
  const wanted = new Set(collect(listeners!, 'route_config_name'));
  assert.deepEqual([...routeNames].sort(), [...wanted].sort(), 'routes are those that listeners ask for');
  for (const cluster of clusterReferences([...listeners!, ...routes!])) {
    assert.ok(clusterNames.has(cluster), `${cluster} does not exist`);
  }
  for (const { virtual_hosts: hosts = [] } of routes!) {
    unique((hosts as Node[]).flatMap(({ domains }) => domains as string[]));
    unique((hosts as Node[]).map(({ name }) => name as string));
    for (const { domains, routes: entries } of hosts as Node[]) {
      assert.ok((domains as string[]).length > 0 && (entries as JsonValue[]).length > 0);
    }
  }
}

function unique(names: readonly string[]): ReadonlySet<string> {
  const set = new Set(names);
  assert.equal(set.size, names.length, `not unique: ${names.filter((name, at) => names.indexOf(name) !== at)}`);
  return set;
}

function clusterReferences(resources: JsonValue): string[] {
  const weighted = find(resources, 'weighted_clusters').flatMap((value) =>
    ((value as Node)['clusters'] as Node[]).map(({ name, weight }) => {
      assert.ok((weight as number) > 0, `weight of ${name}`);
      return name as string;
    }),
  );
  return [...weighted, ...collect(resources, 'cluster')];
}

function collect(value: JsonValue, field: string): string[] {
  return find(value, field).filter((found): found is string => typeof found === 'string');
}

function find(value: JsonValue, field: string): JsonValue[] {
  if (Array.isArray(value)) return value.flatMap((item) => find(item, field));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => (key === field ? [item] : find(item, field)));
}
