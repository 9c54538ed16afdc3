import type { JsonObject } from '@bufbuild/protobuf';
import { nearWord } from '../config/near-word.ts';
import type { ClusterNames } from './cluster-names.ts';
import type { ConfigFolders } from './config-folders.ts';
import type { JsonFields } from './json-fields.ts';
import type { Traffic } from './route-action.ts';
import { readRouterConfig } from './routers.ts';

/** One entry of `routers`; each filter chain that uses it reads it for its own traffic. */
export interface RouterConfig {
  /** `route_config`, or `rds` for one that a control plane has. */
  read(traffic: Traffic, clusters: ClusterNames): JsonObject;
}

/** The entries of `routers`, and of the `connection_manager` filters of old, by their names. */
export class RouterConfigs {
  readonly #folders: ConfigFolders;
  readonly #dynamic: boolean;
  readonly #byName = new Map<string, { readonly fields: JsonFields; readonly config: RouterConfig; used: boolean }>();

  /** `dynamic`: a control plane may have routers that the file has not. */
  constructor(folders: ConfigFolders, dynamic: boolean) {
    this.#folders = folders;
    this.#dynamic = dynamic;
  }

  add(fields: JsonFields): void {
    const name = fields.text('router_config_name');
    if (name === undefined) {
      fields.refuse('router_config_name', 'is required');
      return;
    }
    const before = this.#byName.get(name);
    if (before !== undefined) fields.refuse('router_config_name', `is the name of ${before.fields.path}, too`);
    const hosts = this.#folders.objects(fields, 'virtual_hosts', 'router_configs');
    if (hosts.length === 0) fields.refuse('virtual_hosts', 'must not be empty');
    const config: RouterConfig = {
      read: (traffic, clusters) => {
        const routes = readRouterConfig(fields, hosts, traffic, clusters);
        fields.end('a router configuration');
        return { route_config: routes };
      },
    };
    this.#byName.set(name, { fields, config, used: false });
  }

  /** Undefined: reported in `proxy`, which names it. */
  find(name: string | undefined, proxy: JsonFields): RouterConfig | undefined {
    const entry = name === undefined ? undefined : this.#byName.get(name);
    if (entry !== undefined) {
      entry.used = true;
      return entry.config;
    }
    if (name !== undefined && this.#dynamic) return { read: () => discovered(name) };
    const near = name === undefined ? undefined : nearWord(name, this.#byName.keys());
    const reason = name === undefined ? 'is required' : 'is the name of no router configuration';
    proxy.refuse('router_config_name', near === undefined ? reason : `${reason}; did you mean ${near}?`);
    return undefined;
  }

  warnOfUnused(): void {
    for (const { fields, used } of this.#byName.values()) {
      if (!used) fields.warn('router_config_name', 'has no effect: no listener names it');
    }
  }
}

function discovered(name: string): JsonObject {
  return { rds: { route_config_name: name, config_source: { ads: {}, resource_api_version: 'V3' } } };
}
