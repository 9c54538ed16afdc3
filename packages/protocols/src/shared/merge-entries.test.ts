import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeEntries } from './merge-entries.ts';

type Header = readonly [string, string];

const old: Header[] = [
  ['a', '1'],
  ['b', '2'],
  ['a', '3'],
  ['c', '4'],
];

/** Each entry as `index name=value`. */
const merged = (headers: readonly Header[]) =>
  mergeEntries(old, headers).map(({ from, name, value }) => `${from ?? 'new'} ${name}=${value}`);

test('entries that nobody edited stay as they were and where they were', () => {
  assert.deepEqual(merged(old), ['0 a=1', '1 b=2', '2 a=3', '3 c=4']);
  // The order of the headers is that of visiting them, not that of the entries.
  assert.deepEqual(merged([old[3]!, old[0]!, old[1]!, old[2]!]), ['0 a=1', '1 b=2', '2 a=3', '3 c=4']);
});

test('an edited name keeps its first entry, and new ones follow', () => {
  const headers: Header[] = [
    ['n', '1'],
    ['a', 'x'],
    ['b', '2'],
    ['b', 'y'],
    ['n', '2'],
    ['constructor', 'z'],
  ];
  assert.deepEqual(merged(headers), ['0 a=x', '1 b=2,y', 'new n=1,2', 'new constructor=z']);
  assert.deepEqual(merged([]), []);
  assert.deepEqual(mergeEntries([], [['n', '1']]), [{ from: undefined, name: 'n', value: '1' }]);
});
