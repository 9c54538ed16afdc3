import type { Metadata } from '../object.ts';
import { namespaceName, objectName } from '../rules/names.ts';
import { anyValue, integer, map, object, type Schema, string, text } from '../schema/build.ts';

/** Source of the field list: Kubernetes meta/v1 ObjectMeta. */
export const metadataSchema: Schema = object(
  {
    name: text('objectName'),
    namespace: text('namespaceName'),
    labels: map(text('labelValue'), 'labelKey'),
    annotations: map(string),
    creationTimestamp: string,
    resourceVersion: string,
    generation: integer,
    // What the cluster keeps for itself.
    generateName: anyValue,
    uid: anyValue,
    selfLink: anyValue,
    deletionTimestamp: anyValue,
    deletionGracePeriodSeconds: anyValue,
    ownerReferences: anyValue,
    finalizers: anyValue,
    managedFields: anyValue,
  },
  { required: ['name'] },
);

/** Undefined if it does not say which object it belongs to. Otherwise right as far as the schema had no errors. */
export function metadataOf(value: unknown, defaultNamespace: string): Metadata | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const given = value as Partial<Metadata>;
  const namespace = given.namespace ?? defaultNamespace;
  if (typeof given.name !== 'string' || objectName(given.name) !== undefined) return undefined;
  if (typeof namespace !== 'string' || namespaceName(namespace) !== undefined) return undefined;
  return {
    name: given.name,
    namespace,
    labels: given.labels ?? {},
    annotations: given.annotations ?? {},
    ...(given.creationTimestamp === undefined ? {} : { creationTimestamp: given.creationTimestamp }),
    ...(given.resourceVersion === undefined ? {} : { resourceVersion: given.resourceVersion }),
    ...(given.generation === undefined ? {} : { generation: given.generation }),
  };
}
