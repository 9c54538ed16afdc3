import type { ComposeProtocol, Protocol } from '@sofamesh/contract/protocol';

/** Extensions of one kind by their names. */
export function byName<Extension extends { readonly name: string }>(
  list: readonly Extension[],
): Map<string, Extension> {
  return new Map(list.map((extension) => [extension.name, extension]));
}

/** All protocols; those that ride on others find them, and each other, in the same map. */
export function protocolMap(
  protocols: readonly Protocol[],
  composed: readonly ComposeProtocol[],
): ReadonlyMap<string, Protocol> {
  const map = byName(protocols);
  for (const compose of composed) {
    const protocol = compose(map);
    if (protocol !== undefined) map.set(protocol.name, protocol);
  }
  return map;
}
