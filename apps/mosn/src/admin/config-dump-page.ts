import type { Registry } from '@bufbuild/protobuf';
import { configDump } from '../dynamic/config-dump.ts';
import type { ResourceState } from '../dynamic/resource-state.ts';
import { type AdminPage, isSet, json, text } from './page.ts';

/**
 * `/config_dump`: all resources as they were received, secrets redacted. With `resource=FIELD` only the entries of that
 * list, such as `dynamic_listeners`.
 */
export function configDumpPage(state: ResourceState, registry: Registry): AdminPage {
  return {
    path: '/config_dump',
    help: 'resources in use; ?include_eds&resource=dynamic_listeners',
    answer: ({ query }) => {
      const field = query.get('resource');
      const includeEds = isSet(query, 'include_eds') || field?.endsWith('_endpoint_configs') === true;
      const { configs = [] } = configDump(state, registry, { includeEds }) as { configs?: Record<string, unknown>[] };
      if (field === null) return json({ configs });
      if (!configs.some((config) => field in config || resourceFields.has(field))) {
        return text(`${field} not found in config dump\n`, 404);
      }
      const entries = configs.flatMap((config) => (Array.isArray(config[field]) ? [...config[field]] : []));
      return json({ configs: entries });
    },
  };
}

/** The lists that a dump may have; an empty one is absent from it. */
const resourceFields: ReadonlySet<string> = new Set([
  ...[
    'static_clusters',
    'dynamic_active_clusters',
    'dynamic_warming_clusters',
    'static_listeners',
    'dynamic_listeners',
  ],
  ...['static_route_configs', 'dynamic_route_configs', 'static_endpoint_configs', 'dynamic_endpoint_configs'],
]);
