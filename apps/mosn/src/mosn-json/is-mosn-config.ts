import type { JsonValue } from '@bufbuild/protobuf';

/** Keys of MOSN's file that Envoy's bootstrap does not have. */
const ownKeys: ReadonlySet<string> = new Set([
  'servers',
  'disable_upgrade',
  'close_graceful',
  'inherit_old_mosnconfig',
  'metrics',
  'pprof',
  'pid',
  'uds_dir',
  'plugin',
  'third_part_codec',
  'extends',
  'wasm_global_plugins',
]);
const clusterManagerKeys: ReadonlySet<string> = new Set([
  'clusters',
  'clusters_configs',
  'cluster_pool_enable',
  'tls_context',
]);

/** Whether a file is MOSN's configuration rather than an Envoy bootstrap, by the names at its top. */
export function isMosnConfig(json: JsonValue): boolean {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false;
  return Object.entries(json).some(([key, value]) => {
    const name = key.toLowerCase();
    if (ownKeys.has(name)) return true;
    const isObject = name === 'cluster_manager' && typeof value === 'object' && value !== null;
    return isObject && Object.keys(value).some((inner) => clusterManagerKeys.has(inner.toLowerCase()));
  });
}

const anyKey = new RegExp(`(?:^|["'\\s{,])(?:${[...ownKeys, 'cluster_manager'].join('|')})["']?\\s*:`, 'i');

/** False for most bootstraps, which can do without what reads the others; those that it is true for have to be read to know. */
export function mayBeMosnConfig(text: string): boolean {
  return anyKey.test(text);
}
