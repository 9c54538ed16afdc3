import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileLate, describeLate, lookAtNames, nameFiles } from './library-changes.ts';

for (const codec of ['from-binary', 'to-binary', 'from-json', 'to-json']) {
  test(`${codec} of the installed protobuf library is the one that is changed`, () => {
    const file = new URL(`${codec}.js`, import.meta.resolve('@bufbuild/protobuf'));
    const late = compileLate(readFileSync(file, 'utf8'), codec === 'from-binary');
    assert.ok(late !== undefined);
    assert.equal(late.match(/real \?\?= compileMessage\(desc\)/g)?.length, codec === 'from-binary' ? 2 : 1);
  });
}

test('what describes a file is that of the installed library, too', () => {
  const read = (name: string) => readFileSync(new URL(name, import.meta.resolve('@bufbuild/protobuf')), 'utf8');
  const late = describeLate(read('codegenv2/file.js'));
  assert.match(late ?? '', /^import \{ lateFile \} from ".+late-file\.ts";$/m);
  assert.match(late ?? '', /^function wholeFile\(encoded, imports\) \{$/m);
  assert.ok(!late?.includes('.proto.name'));
  assert.match(lookAtNames(read('wkt/wrappers.js')) ?? '', /isWrapperDesc\(messageDesc\) \{\s+if \(!isWrapperTypeName/);
  assert.ok(nameFiles(read('registry.js'))?.includes("files.set((file.name + '.proto'), file)"));
});

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

test('another text is left as it is', () => {
  assert.equal(compileLate('let compiled = compile(desc);', false), undefined);
  assert.equal(describeLate('export function fileDesc(bytes) {}'), undefined);
  assert.equal(nameFiles('files.set(file.name, file)'), undefined);
  assert.equal(lookAtNames('const f = desc.fields[0];'), undefined);
});
