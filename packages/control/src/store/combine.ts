import type { ConfigChange } from '@sofamesh/contract/config-store';
import type { Finding } from '@sofamesh/model/finding';
import { describeObject, type MeshObject } from '@sofamesh/model/object';
import type { HeldFile } from './file-cache.ts';

export interface Combined {
  readonly objects: readonly MeshObject[];
  readonly findings: readonly Finding[];
}

/** All that the files say, in their order. Of objects that two places define the first counts, and the second is reported. */
export function combine(files: readonly HeldFile[]): Combined {
  const objects = new Map<string, MeshObject>();
  const findings: Finding[] = [];
  for (const file of files) {
    findings.push(...file.findings);
    for (const object of file.objects) {
      const name = describeObject(object);
      const first = objects.get(name);
      if (first === undefined) objects.set(name, object);
      else findings.push(repeated(object, first));
    }
  }
  return { objects: [...objects.values()], findings };
}

function repeated(object: MeshObject, first: MeshObject): Finding {
  const { file, line } = object.source;
  const value = JSON.stringify(object.metadata.name);
  const reason = `repeats the ${describeObject(first)} of ${first.source.file}:${first.source.line}, which is the one that counts`;
  return { level: 'error', file, line, column: 1, path: 'metadata.name', value, reason };
}

/** What differs between two lists, objects being equal only if they are the same. */
export function changeBetween(
  before: readonly MeshObject[],
  after: readonly MeshObject[],
): Pick<ConfigChange, 'changed' | 'removed'> {
  const old = new Set(before);
  const names = new Set(after.map(describeObject));
  return {
    changed: after.filter((object) => !old.has(object)),
    removed: before.filter((object) => !names.has(describeObject(object))),
  };
}
