import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TranslationCache } from './cache.ts';

test('a value is computed once for the same objects in the same order', () => {
  const cache = new TranslationCache();
  const [a, b] = [{}, {}];
  let computed = 0;
  const get = (kind: string, ...keys: [object, ...(object | string)[]]) => cache.memo(kind, keys, () => ++computed);
  assert.equal(get('x', a, b), 1);
  assert.equal(get('x', a, b), 1);
  assert.equal(get('x', a), 2, 'the beginning of a key is another key');
  assert.equal(get('x', b, a), 3, 'order counts');
  assert.equal(get('x', a, 'b'), 4);
  assert.equal(get('x', { ...a }, b), 5, 'equal is not the same');
  assert.equal(get('y', a, b), 6, 'kinds are apart');
  assert.equal(get('x', a, b), 1);
});

test('undefined is a value, too', () => {
  const cache = new TranslationCache();
  const key = {};
  let computed = 0;
  const nothing = () => {
    computed++;
    return undefined;
  };
  cache.memo('x', [key], nothing);
  cache.memo('x', [key], nothing);
  cache.memoText('x', nothing);
  cache.memoText('x', nothing);
  assert.equal(computed, 2);
});
