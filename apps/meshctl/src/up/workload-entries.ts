import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Workload } from './spec.ts';

/**
 * Resources for the workloads that the user's own have no WorkloadEntry for: a stand-in for what a platform would register.
 * Empty when there are none.
 */
export function workloadEntries(workloads: readonly Workload[], configFolders: readonly string[]): string {
  const known = new Set(configFolders.flatMap(registeredAddresses));
  return workloads
    .filter(({ namespace, address }) => !known.has(`${namespace}/${address}`))
    .map(({ name, namespace, address, labels, serviceAccount }) =>
      stringify({
        apiVersion: 'networking.istio.io/v1',
        kind: 'WorkloadEntry',
        metadata: { name, namespace, labels },
        spec: { address, labels, ...(serviceAccount !== undefined && { serviceAccount }) },
      }),
    )
    .join('---\n');
}

interface SomeEntry {
  readonly kind?: unknown;
  readonly metadata?: { readonly namespace?: unknown };
  readonly spec?: { readonly address?: unknown };
}

/** `namespace/address` of the WorkloadEntries in a folder. What cannot be read is meshd's to report. */
function registeredAddresses(folder: string): string[] {
  const found: string[] = [];
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(ya?ml|json)$/.test(file)) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    if (!text.includes('WorkloadEntry')) continue;
    const documents = parseAllDocuments(text);
    for (const document of Array.isArray(documents) ? documents : []) {
      if (document.errors.length > 0) continue;
      const object = document.toJS({ maxAliasCount: 100 }) as SomeEntry | null;
      if (object?.kind !== 'WorkloadEntry') continue;
      found.push(`${object.metadata?.namespace ?? 'default'}/${object.spec?.address}`);
    }
  }
  return found;
}
