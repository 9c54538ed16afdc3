import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from 'yaml';
import { loadText } from './load-text.ts';

test('JSON is read as YAML reads it', () => {
  const texts = [
    '{"a": {"b": [1, -2.5e3, true, null, "x:y", {"c": "\\u00e9\\"\\\\"}]}, "d:e": ""}',
    ' \n{}\n',
    '{"a": 1, "b": {"a": 1}}',
    '{a: 1, b: [x, y]} # YAML',
    '{"a": 1, "a:": 2}',
  ];
  for (const text of texts) assert.deepEqual(loadText(text, 'file'), parseDocument(text).toJS(), text);
});

test('a key that JSON has twice is refused, with its place', () => {
  const refused = { code: 'bad_text', message: 'file:1:10: Map keys must be unique' };
  assert.throws(() => loadText('{"a": 1, "a": 2}', 'file'), refused);
  assert.throws(() => loadText('{"b": [{"a": 1, "\\u0061": 2}]}', 'file'), { code: 'bad_text' });
});

test('what is no JSON is refused as YAML, and what is nested too deep is refused', () => {
  assert.throws(() => loadText('{"a": 1', 'file'), { code: 'bad_text', message: /^file:1:\d+: / });
  const deep = `{"a": ${'['.repeat(200)}${']'.repeat(200)}}`;
  assert.throws(() => loadText(deep, 'file'), { message: 'file: is nested more than 100 levels deep' });
});
