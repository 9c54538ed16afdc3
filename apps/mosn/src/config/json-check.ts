import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
} from '@bufbuild/protobuf';
import { messageOf } from '@sofamesh/base/errors';
import { FieldError, shown } from './fields.ts';
import { nearWord } from './near-word.ts';

/**
 * Finds everything in `value` that the message does not take, each with its path: the library's own reading stops at the
 * first and does not say where it is.
 */
export function checkJson(schema: DescMessage, value: JsonValue, registry: Registry, path = ''): FieldError[] {
  const errors: FieldError[] = [];
  new JsonCheck(registry, errors).message(schema, value, path);
  return errors;
}

/** Enough to see what is wrong; a file that is something else altogether has thousands. */
const errorsMax = 50;

class JsonCheck {
  readonly #registry: Registry;
  readonly #errors: FieldError[];

  constructor(registry: Registry, errors: FieldError[]) {
    this.#registry = registry;
    this.#errors = errors;
  }

  message(schema: DescMessage, value: JsonValue, path: string): void {
    if (schema.typeName === 'google.protobuf.Any') this.#any(value, path);
    else if (isObject(value)) this.#fields(schema, value, path);
    else this.#report(path, describe(value), `must be an object (${schema.name})`);
  }

  #fields(schema: DescMessage, object: JsonObject, path: string): void {
    const oneofs = new Map<string, string>();
    for (const [key, value] of Object.entries(object)) {
      const at = path === '' ? key : `${path}.${key}`;
      const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
      if (field === undefined) {
        this.#unknown(schema, key, value, at);
        continue;
      }
      if (value === null) continue;
      const oneof = field.oneof?.name;
      const other = oneof === undefined ? undefined : oneofs.get(oneof);
      if (other !== undefined) this.#report(at, describe(value), `cannot stand beside ${other}: only one of them`);
      if (oneof !== undefined) oneofs.set(oneof, key);
      for (const item of itemsOf(field, value, key, at)) {
        if ('problem' in item) this.#report(at, describe(value), item.problem);
        else if (field.message !== undefined && isPlain(field.message))
          this.message(field.message, item.value, item.path);
        else this.#leaf(schema, field, item);
      }
    }
  }

  #any(value: JsonValue, path: string): void {
    const typeUrl = isObject(value) ? value['@type'] : undefined;
    if (!isObject(value) || typeof typeUrl !== 'string') {
      this.#report(`${path}.@type`, describe(typeUrl), 'is required');
      return;
    }
    const { '@type': _, ...fields } = value;
    const typeName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    const schema = this.#registry.getMessage(typeName);
    if (schema === undefined) {
      const known = [...this.#registry].flatMap((type) => (type.kind === 'message' ? [type.typeName] : []));
      this.#report(`${path}.@type`, typeUrl, `this proxy has no such type${didYouMean(nearWord(typeName, known))}`);
    } else if (isPlain(schema)) this.#fields(schema, fields, path);
  }

  /** A value without fields: the library says whether it can be read. */
  #leaf(schema: DescMessage, field: DescField, { value, path, holder }: Item): void {
    try {
      fromJson(schema, holder, { registry: this.#registry });
    } catch (thrown) {
      this.#report(path, describe(value), expectationOf(field, value, thrown));
    }
  }

  #unknown(schema: DescMessage, key: string, value: JsonValue, path: string): void {
    const near = nearWord(
      key,
      schema.fields.map(({ name }) => name),
    );
    this.#report(path, describe(value), `is not a field of ${schema.typeName}${didYouMean(near)}`);
  }

  #report(path: string, value: unknown, reason: string): void {
    if (this.#errors.length < errorsMax) this.#errors.push(new FieldError(path, value, reason));
  }
}

interface Item {
  readonly value: JsonValue;
  readonly path: string;
  /** An object in which the field has this value and no other. */
  readonly holder: JsonObject;
}

/** The values of a field: one, or those of its list or map. */
function itemsOf(
  field: DescField,
  value: JsonValue,
  key: string,
  path: string,
): (Item | { readonly problem: string })[] {
  switch (field.fieldKind) {
    case 'list':
      if (!Array.isArray(value)) return [{ problem: 'must be a list' }];
      return value.map((item, index) => ({ value: item, path: `${path}[${index}]`, holder: { [key]: [item] } }));
    case 'map':
      if (!isObject(value)) return [{ problem: 'must be an object' }];
      return Object.entries(value).map(([name, item]) => ({
        value: item,
        path: `${path}[${JSON.stringify(name)}]`,
        holder: { [key]: { [name]: item } },
      }));
    default:
      return [{ value, path, holder: { [key]: value } }];
  }
}

function didYouMean(near: string | undefined): string {
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** False for messages that JSON writes as something else than an object of their fields. */
function isPlain({ typeName }: DescMessage): boolean {
  return typeName === 'google.protobuf.Any' || !typeName.startsWith('google.protobuf.');
}

function describe(value: JsonValue | undefined): unknown {
  if (Array.isArray(value)) return shown('a list');
  return isObject(value) ? shown('an object') : value;
}

function expectationOf(field: DescField, value: JsonValue | undefined, thrown: unknown): string {
  if ('enum' in field && field.enum !== undefined) return expectedEnum(field.enum, value);
  const message = 'message' in field ? field.message : undefined;
  switch (message?.typeName) {
    case 'google.protobuf.Duration':
      return 'must be a duration such as "1.5s"';
    case 'google.protobuf.BoolValue':
      return 'must be true or false';
  }
  const text = messageOf(thrown);
  const at = text.indexOf('from JSON: ');
  const expected = /expected (.*?)(?:: got|, got|$)/.exec(at === -1 ? text : text.slice(at + 11))?.[1];
  if (expected !== undefined) return `must be a ${expected}`;
  return 'scalar' in field && field.scalar !== undefined ? 'is of the wrong kind or out of range' : 'cannot be read';
}

function expectedEnum(desc: DescEnum, value: JsonValue | undefined): string {
  const names = desc.values.map(({ name }) => name);
  const near = typeof value === 'string' ? nearWord(value.toUpperCase(), names) : undefined;
  if (near !== undefined) return `is not known; did you mean ${near}?`;
  return `must be one of ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}`;
}
