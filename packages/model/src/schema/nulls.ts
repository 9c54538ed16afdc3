import type { Schema } from './build.ts';

/**
 * A copy without the fields that are empty (`timeout:` with nothing behind it): Kubernetes and protobuf take them for absent.
 * Only named fields are dropped. An empty entry of a map or of a list stays, for the schema to refuse: a header match that
 * vanished would match everything.
 */
export function withoutNulls(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const items = schema['items'] as Schema | undefined;
    return items === undefined ? value : value.map((item) => withoutNulls(item, items));
  }
  if (typeof value !== 'object' || value === null) return value;
  const properties = schema['properties'] as Readonly<Record<string, Schema>> | undefined;
  const others =
    typeof schema['additionalProperties'] === 'object' ? (schema['additionalProperties'] as Schema) : undefined;
  if (properties === undefined && others === undefined) return value;
  const copy: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    const named = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (named !== undefined && item === null) continue;
    const itemSchema = named ?? others;
    copy.push([key, itemSchema === undefined ? item : withoutNulls(item, itemSchema)]);
  }
  // Not by assignment, with which a key __proto__ would become the prototype and escape the schema.
  return Object.fromEntries(copy);
}
