import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileLate } from './lazy-protobuf.ts';

for (const codec of ['from-binary', 'to-binary', 'from-json', 'to-json']) {
  test(`${codec} of the installed protobuf library is the one that is changed`, () => {
    const file = new URL(`${codec}.js`, import.meta.resolve('@bufbuild/protobuf'));
    const late = compileLate(readFileSync(file, 'utf8'), codec === 'from-binary');
    assert.ok(late !== undefined);
    assert.equal(late.match(/real \?\?= compileMessage\(desc\)/g)?.length, codec === 'from-binary' ? 2 : 1);
  });
}

test('a type is compiled when it is first used, once, and what it contains later', () => {
  const source = `
    const known = new Map();
    function compiledReader(desc) {
        let compiled = known.get(desc);
        if (compiled === undefined) {
            compiled = compileMessage(desc);
        }
        return compiled;
    }
    function compileMessage(desc) {
        log.push(desc.name);
        const compiled = (depth) => (depth === 0 ? desc.name : child(depth - 1));
        known.set(desc, compiled);
        const child = compiledReader(desc.child);
        return compiled;
    }
    return compiledReader;`;
  const log: string[] = [];
  const inner: { name: string; child?: object } = { name: 'inner' };
  inner.child = inner;
  const outer = { name: 'outer', child: inner };
  const late = compileLate(source, false);
  assert.ok(late !== undefined);
  const compiledReader = new Function('log', late)(log) as (desc: object) => (depth: number) => string;
  const read = compiledReader(outer);
  assert.deepEqual(log, []);
  assert.equal(read(0), 'outer');
  assert.deepEqual(log, ['outer']);
  assert.equal(read(3), 'inner');
  assert.equal(compiledReader(outer)(1), 'inner');
  assert.deepEqual(log, ['outer', 'inner']);
});

test('another codec is left as it is', () => {
  assert.equal(compileLate('let compiled = compile(desc);', false), undefined);
});
