import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { kinds } from '../kinds/registry.ts';
import { formatPath } from '../path.ts';
import { integer, list, map, object, oneOf, string, text } from './build.ts';
import { checkSchema } from './check.ts';
import { checkInert } from './inert.ts';
import { withoutNulls } from './nulls.ts';

describe('schemas', () => {
  for (const [name, kind] of kinds) {
    test(`that of ${name} is a JSON schema`, () => {
      const ajv = new Ajv({ strict: false });
      assert.ok(ajv.validateSchema(kind.schema), ajv.errorsText());
    });
  }

  test('every fault is told, at its place', () => {
    const schema = object(
      {
        words: list(oneOf('a', 'b'), { minItems: 2 }),
        labels: map(text('labelValue'), 'labelKey'),
        x: integer,
        y: integer,
      },
      { required: ['x'], atMostOne: [['x', 'y']] },
    );
    const value = { words: ['c'], labels: { 'a/b/c': 'ok', good: '-' }, y: 'one', z: 1 };
    const remarks = checkSchema(schema, value, ['spec']).map(({ path, reason }) => `${formatPath(path)}: ${reason}`);
    assert.deepEqual(remarks.sort(), [
      'spec.labels.good: must be a label value: up to 63 letters, digits, -, _ and ., a letter or digit at both ends',
      'spec.labels["a/b/c"]: must be a label key: [DOMAIN/]NAME, the name up to 63 letters, digits, -, _ and .',
      'spec.words: must have at least 2 entries',
      'spec.words[0]: must be one of a, b',
      'spec.x: is required',
      'spec.y: must be a whole number, not a text',
      'spec.z: is not a field that exists here',
    ]);
    assert.deepEqual(checkSchema(schema, { x: 1, y: 2 }, []), [
      { level: 'error', path: [], reason: 'may have only one of x, y; it has x and y' },
    ]);
  });

  test('empty fields are dropped, empty entries are not', () => {
    const schema = object({ a: string, map: map(string), list: list(object({ b: string })) });
    const value = JSON.parse(
      '{"a": null, "map": {"k": null, "__proto__": "x"}, "list": [null, {"b": null}], "other": null}',
    );
    const expected = '{"map":{"k":null,"__proto__":"x"},"list":[null,{}],"other":null}';
    assert.equal(JSON.stringify(withoutNulls(value, schema)), expected);
  });

  test('what has no effect is told wherever it stands, if it says something', () => {
    const value = { a: [{ b: { k: 1, l: 0 } }, { b: 'x' }, {}], c: false, d: 'NONE', e: { f: [] } };
    const found = checkInert(['a[].b.*', 'c', 'd', 'e.f', 'g.h'], value, ['spec']).map(({ path }) => formatPath(path));
    assert.deepEqual(found, ['spec.a[0].b.k', 'spec.e.f']);
  });
});
