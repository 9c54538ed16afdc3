import type { JsonValue } from '@bufbuild/protobuf';
import { goldenSuite } from '@sofamesh/testkit/golden';
import { type ReadableResources, readable, withoutDefaults } from './test-support/readable.ts';
import { scenario } from './test-support/scenario.ts';
import { translate } from './translate.ts';

const everything = ({ clusters, ...others }: ReadableResources) => ({ clusters: withoutDefaults(clusters), ...others });
/** For policies that work on clusters; the first one is the same everywhere. */
const clustersOnly = ({ clusters, notes }: ReadableResources) => ({
  clusters: withoutDefaults(clusters.slice(1)),
  notes,
});
/** For policies that work on routes: those, by virtual host. */
const routesOnly = ({ routes, notes }: ReadableResources) => ({
  routes: Object.fromEntries(routes.flatMap(virtualHosts)),
  notes,
});

const folders: readonly (readonly [folder: string, part: (all: ReadableResources) => unknown])[] = [
  ['core', everything],
  ['policies/timeout', routesOnly],
  ['policies/retry', routesOnly],
  ['policies/fault', routesOnly],
  ['policies/headers', routesOnly],
  ['policies/rewrite', routesOnly],
  ['policies/redirect', routesOnly],
  ['policies/connection-pool', clustersOnly],
  ['policies/load-balancing', clustersOnly],
  ['policies/tls', clustersOnly],
  ['policies/rpc', clustersOnly],
];

for (const [folder, part] of folders) {
  goldenSuite(new URL(`./${folder}/golden/`, import.meta.url), (documents) => {
    const { proxy, snapshot } = scenario(documents);
    return part(readable(translate(proxy, snapshot)));
  });
}

function virtualHosts(configuration: JsonValue): [string, JsonValue][] {
  const { virtual_hosts = [] } = configuration as { virtual_hosts?: { name: string; routes: JsonValue }[] };
  return virtual_hosts.map(({ name, routes }) => [name, routes]);
}
