import assert from 'node:assert/strict';
import { formatFinding } from '../finding.ts';
import type { KindName } from '../kinds/registry.ts';
import type { MeshObject } from '../object.ts';
import { type ReadOptions, readText } from '../read.ts';

const GROUPS: Readonly<Partial<Record<KindName, string>>> = { Service: 'v1' };

/** One resource in YAML's short form: `resource('Sidecar', '{ingress: []}')`. */
export function resource(kind: KindName, spec: string, metadata = '{name: a, namespace: shop}'): string {
  return `apiVersion: ${GROUPS[kind] ?? 'networking.istio.io/v1'}\nkind: ${kind}\nmetadata: ${metadata}\nspec: ${spec}\n`;
}

/** The spec, defaults applied. Fails if there is any finding. */
export function specOf<Name extends KindName>(kind: Name, spec: string, metadata?: string): MeshObject<Name>['spec'] {
  const { objects, findings } = readText('a.yaml', resource(kind, spec, metadata));
  assert.deepEqual(findings.map(formatFinding), []);
  return (objects[0] as MeshObject<Name>).spec;
}

/** What is said of it: `error: spec.host: is required`, in the order of the findings. */
export function remarksOn(kind: KindName, spec: string, options: ReadOptions = {}): string[] {
  const { objects, findings } = readText('a.yaml', resource(kind, spec), options);
  const hasErrors = findings.some(({ level }) => level === 'error');
  assert.equal(objects.length, hasErrors ? 0 : 1, 'an object is used if and only if it has no errors');
  return findings.map(({ level, path, reason }) => `${level}: ${path}: ${reason}`);
}
