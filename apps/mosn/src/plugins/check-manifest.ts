import type { BalancerKind } from '@sofamesh/contract/balancer';
import type { PluginFilter, PluginManifest } from '@sofamesh/contract/plugin';
import type { Protocol } from '@sofamesh/contract/protocol';

const keys = ['name', 'protocols', 'filters', 'balancers'];
const poolings: readonly unknown[] = ['exclusive', 'multiplexed', 'bound'] satisfies Protocol['pooling'][];

/** A plug-in comes from outside, where no compiler has checked it against our types. Throws with what is wrong, in words. */
export function checkManifest(value: unknown): PluginManifest {
  if (!isObject(value)) throw new Error(`gives ${describe(value)} in place of a manifest`);
  const { name } = value;
  if (typeof name !== 'string' || name === '') throw new Error('its manifest has no name');
  for (const key of Object.keys(value))
    if (!keys.includes(key)) throw new Error(`its manifest has ${key}: only ${keys.join(', ')} are known`);
  const protocols = listOf<Protocol>(value, 'protocols', (protocol) => {
    if (!poolings.includes(protocol['pooling'])) return `pooling ${describe(protocol['pooling'])}`;
    return lacking(protocol, 'detect', 'createServerCodec', 'createClientCodec');
  });
  const filters = listOf<PluginFilter>(value, 'filters', (filter) => {
    const { readConfig } = filter;
    if (readConfig !== undefined && typeof readConfig !== 'function') return 'a readConfig that is no function';
    return lacking(filter, 'prepare');
  });
  const balancers = listOf<BalancerKind>(value, 'balancers', (balancer) => lacking(balancer, 'create'));
  return { name, protocols, filters, balancers };
}

function listOf<Item>(
  manifest: Readonly<Record<string, unknown>>,
  key: string,
  fault: (item: Readonly<Record<string, unknown>>) => string | undefined,
): readonly Item[] {
  const list = manifest[key] ?? [];
  if (!Array.isArray(list)) throw new Error(`its ${key} are ${describe(list)}, not a list`);
  for (const [at, item] of list.entries()) {
    const found = isObject(item) ? (nameFault(item) ?? fault(item)) : describe(item);
    if (found !== undefined) throw new Error(`its ${key}[${at}] has ${found}`);
  }
  return list as readonly Item[];
}

function nameFault({ name }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof name === 'string' && /^[\w.-]+$/.test(name) ? undefined : `the name ${describe(name)}`;
}

function lacking(item: Readonly<Record<string, unknown>>, ...functions: readonly string[]): string | undefined {
  const missing = functions.find((name) => typeof item[name] !== 'function');
  return missing === undefined ? undefined : `no function ${missing}`;
}

/** Objects of classes, too. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
