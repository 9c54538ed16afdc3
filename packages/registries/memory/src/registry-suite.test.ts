import type { Instance, Service } from '@sofamesh/contract/registry';
import { registrySuite } from '@sofamesh/testkit/registry-suite';
import { MemoryRegistry } from './registry.ts';

/** Memory has no source behind it: the hand puts into every registry that was made, and new ones get what there is. */
registrySuite('memory', async () => {
  const entries = new Map<string, { readonly service: Service; readonly instances: readonly Instance[] }>();
  const made: MemoryRegistry[] = [];
  return {
    makeRegistry() {
      const registry = new MemoryRegistry({ services: [...entries.values()] });
      made.push(registry);
      return registry;
    },
    async put(service, instances) {
      entries.set(`${service.namespace}/${service.host}`, { service, instances });
      for (const registry of made) registry.put(service, instances);
    },
    async remove(key) {
      entries.delete(`${key.namespace}/${key.host}`);
      for (const registry of made) registry.remove(key);
    },
    async close() {},
  };
});
