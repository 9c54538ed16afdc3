import { isDeepStrictEqual } from 'node:util';
import { describeObject, type MeshObject } from '@sofamesh/model/object';
import type { Reading } from '@sofamesh/model/read';

/**
 * What a file holds after it was read again. An object that says the same as before stays the same object (its `source` then
 * tells where it stood when it last changed). While anything in the file is wrong, whatever is missing from it stays as it
 * was: it may be the object that is wrong, or stand in the part that is not written yet.
 */
export function carryOver(before: readonly MeshObject[], reading: Reading): readonly MeshObject[] {
  const known = new Map(before.map((object) => [describeObject(object), object]));
  const named = new Set<string>();
  const objects = reading.objects.map((object) => {
    const name = describeObject(object);
    named.add(name);
    const old = known.get(name);
    return old !== undefined && saysTheSame(old, object) ? old : object;
  });
  if (reading.unreadable || reading.refused.length > 0) {
    for (const [name, object] of known) if (!named.has(name)) objects.push(object);
  }
  return objects;
}

function saysTheSame(a: MeshObject, b: MeshObject): boolean {
  return (
    a.apiVersion === b.apiVersion && isDeepStrictEqual(a.metadata, b.metadata) && isDeepStrictEqual(a.spec, b.spec)
  );
}
