import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { normalizePath } from './normalize-path.ts';

describe('the normal form of a path', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['/a/./b/../c', '/a/c'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/..', '/'],
    ['/a/../../b', '/b'],
    ['/%61%2e%2E/b', '/a../b'],
    ['/a/%2e%2e/b', '/b'],
    ['/a%2fb', '/a%2fb'],
    ['/a\\..\\b', '/b'],
    ['/a%', '/a%'],
    ['/a%zz', '/a%zz'],
    ['/%%41', '/%A'],
    ['/%%34%31', '/%2541'],
    ['/%2%66', '/%252f'],
    ['/a%00', undefined],
    ['/a\0', undefined],
    ['/"<>^`{|}', '/%22%3C%3E%5E%60%7B%7C%7D'],
    ['/a/..;x=1/b', '/b'],
    ['/a/b/..;', '/a/'],
    ['/a/.;/b', '/a/b'],
    ['/a/%2e%2E;/b', '/b'],
    ['/a/..%3b/b', '/a/..%3b/b'],
    ['/a;/...;/b', '/a;/...;/b'],
    ['/a?x=/../%', '/a?x=/../%'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a//b', '/a//b'],
    ['*', '*'],
  ];
  for (const [path, normal] of cases) {
    test(`${JSON.stringify(path)} is ${normal}`, () => assert.equal(normalizePath(path, true, false), normal));
  }

  test('slashes are merged when that is asked for', () => {
    assert.equal(normalizePath('//a///b?c//d', false, true), '/a/b?c//d');
    assert.equal(normalizePath('/a//../b', true, true), '/a/b');
  });
});
