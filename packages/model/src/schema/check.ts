import { Ajv, type ErrorObject, type SchemaValidateFunction, type ValidateFunction } from 'ajv';
import type { Remark } from '../finding.ts';
import type { Path } from '../path.ts';
import type { Schema } from './build.ts';
import { nearestWord } from './nearest-word.ts';
import { SYNTAXES, type SyntaxName } from './syntax.ts';

/** A schema is used a few times in a process: what makes it ready sooner counts for more than what makes it fast. */
const readySooner = { validateSchema: false, meta: false, code: { optimize: false } } as const;

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  strict: true,
  allowUnionTypes: true,
  strictTypes: false,
  ...readySooner,
});

const syntax: SchemaValidateFunction = (name: SyntaxName, value: string) => {
  const reason = SYNTAXES[name](value);
  if (reason === undefined) return true;
  syntax.errors = [{ keyword: 'syntax', message: reason, params: {} }];
  return false;
};
ajv.addKeyword({ keyword: 'syntax', type: 'string', schemaType: 'string', errors: true, validate: syntax });

const atMostOne: SchemaValidateFunction = (groups: readonly (readonly string[])[], value: object) => {
  for (const group of groups) {
    const present = group.filter((field) => Object.hasOwn(value, field));
    if (present.length > 1) {
      const message = `may have only one of ${group.join(', ')}; it has ${present.join(' and ')}`;
      atMostOne.errors = [{ keyword: 'atMostOne', message, params: {} }];
      return false;
    }
  }
  return true;
};
ajv.addKeyword({ keyword: 'atMostOne', type: 'object', schemaType: 'array', errors: true, validate: atMostOne });

const compiled = new WeakMap<Schema, ValidateFunction>();

/** Judges a value by a schema. `base` is where the value lies in its document. Schemas are compiled when first used. */
export function checkSchema(schema: Schema, value: unknown, base: Path): Remark[] {
  let validate = compiled.get(schema);
  if (validate === undefined) compiled.set(schema, (validate = ajv.compile(schema)));
  if (validate(value)) return [];
  const remarks: Remark[] = [];
  for (const error of validate.errors ?? []) {
    const path = [...base, ...pathOf(error, value)];
    if (error.keyword !== 'propertyNames') remarks.push({ level: 'error', path, reason: reasonOf(error) });
    else {
      // The rule for keys has just said what is wrong with one; only here is it told with which.
      const last = remarks.pop();
      if (last !== undefined) remarks.push({ ...last, path: [...path, error.params['propertyName'] as string] });
    }
  }
  return remarks;
}

function pathOf(error: ErrorObject, root: unknown): (string | number)[] {
  const path: (string | number)[] = [];
  let value = root;
  for (const part of error.instancePath.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(key) : key);
    value = (value as Record<string, unknown> | undefined)?.[key];
  }
  const { additionalProperty, missingProperty } = error.params as Record<string, string | undefined>;
  const last = additionalProperty ?? missingProperty;
  if (last !== undefined) path.push(last);
  return path;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  null: 'empty',
  number: 'a number',
  object: 'a map of fields',
  string: 'a text',
};

function reasonOf(error: ErrorObject): string {
  const { params, data } = error;
  switch (error.keyword) {
    case 'additionalProperties': {
      const fields = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
      const near = nearestWord(params['additionalProperty'] as string, fields);
      return near === undefined
        ? 'is not a field that exists here'
        : `is not a field that exists here; did you mean ${near}?`;
    }
    case 'required':
      return 'is required';
    case 'type': {
      const types = ([] as string[]).concat(params['type'] as string | string[]);
      const scalar = typeof data === 'number' || typeof data === 'boolean';
      const hint = scalar && types.includes('string') ? '; put it in quotes' : '';
      return `must be ${types.map((type) => TYPE_WORDS[type] ?? type).join(' or ')}, not ${typeOf(data)}${hint}`;
    }
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`;
    case 'minItems':
      return `must have at least ${params['limit']} ${params['limit'] === 1 ? 'entry' : 'entries'}`;
    case 'maxItems':
      return `must have at most ${params['limit']} entries`;
    default:
      return (error.message ?? `breaks the rule ${error.keyword}`).replace(' NOT ', ' not ');
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return TYPE_WORDS[typeof value] ?? typeof value;
}
