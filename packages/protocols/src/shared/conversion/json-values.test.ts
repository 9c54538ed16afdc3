import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HessianDouble, HessianList, HessianMap, HessianObject, type HessianValue } from '../hessian2/value.ts';
import { badReply, badRequest, ConversionFault } from './fault.ts';
import { parseJavaType } from './java-type.ts';
import { type Json, parseJson } from './json-text.ts';
import { type ClassTypes, toHessian } from './to-hessian.ts';
import { type JsonStyle, toJson } from './to-json.ts';

const types: ClassTypes = {
  'com.x.User': { id: parseJavaType('long')!, name: parseJavaType('java.lang.String')! },
  'com.x.Color': 'enum',
};
const of = (json: Json, type: string, asMaps = false) => toHessian(json, parseJavaType(type)!, { types, asMaps }, 'p');
const style: JsonStyle = { types, classNames: false, classEntries: false, lengthMax: 100_000 };
const jsonOf = (value: HessianValue, more: Partial<JsonStyle> = {}) => toJson(value, { ...style, ...more }, badReply);

describe('JSON to Java', () => {
  test('scalars', () => {
    const cases: [Json, string, HessianValue][] = [
      [true, 'boolean', true],
      ['false', 'java.lang.Boolean', false],
      [127, 'byte', 127],
      ['-32768', 'short', -32_768],
      [2 ** 31 - 1, 'int', 2 ** 31 - 1],
      ['7', 'long', 7n],
      [9007199254740993n, 'long', 9007199254740993n],
      [3, 'double', new HessianDouble(3)],
      ['1.5', 'float', new HessianDouble(1.5)],
      ['x', 'char', 'x'],
      ['', 'java.lang.String', ''],
      ['2020-01-02T03:04:05Z', 'java.util.Date', new Date('2020-01-02T03:04:05Z')],
      [1000, 'java.util.Date', new Date(1000)],
      ['aGk=', 'byte[]', Buffer.from('hi')],
      ['12.50', 'java.math.BigDecimal', new HessianObject('java.math.BigDecimal', ['value'], ['12.50'])],
      [null, 'int', null],
    ];
    for (const [json, type, value] of cases) assert.deepEqual(of(json, type), value, `${String(json)} as ${type}`);
    assert.equal(of('12.50', 'java.math.BigDecimal', true), '12.50');
  });

  test('what does not fit is refused, naming where', () => {
    const cases: [Json, string][] = [
      [1, 'boolean'],
      ['yes', 'boolean'],
      [128, 'byte'],
      [1.5, 'int'],
      [2 ** 31, 'int'],
      ['1e3', 'long'],
      [2n ** 63n, 'long'],
      ['', 'double'],
      ['NaN', 'double'],
      ['xy', 'char'],
      [7, 'java.lang.String'],
      ['yesterday', 'java.util.Date'],
      ['%%%', 'byte[]'],
      ['1.2.3', 'java.math.BigDecimal'],
      [{}, 'java.util.List'],
      [[], 'java.util.Map'],
      ['x', 'com.x.User'],
      [{}, 'com.x.Color'],
      [2n ** 64n, 'java.lang.Object'],
    ];
    for (const [json, type] of cases)
      assert.throws(
        () => of(json, type),
        (error) => error instanceof ConversionFault && error.status === 400 && error.message.startsWith('p'),
        `${String(json)} as ${type}`,
      );
    assert.throws(() => of([1, [2, 'x']], 'java.util.List<java.util.List<int>>'), /p\[0\]: must be a list/);
  });

  test('objects have the fields of their class first, always in one order', () => {
    const user = of({ z: 1, name: 'a' }, 'com.x.User');
    assert.deepEqual(user, new HessianObject('com.x.User', ['id', 'name', 'z'], [null, 'a', 1]));
    assert.deepEqual(of({ b: 1, a: 2 }, 'com.x.Other'), new HessianObject('com.x.Other', ['a', 'b'], [2, 1]));
    assert.deepEqual(of('RED', 'com.x.Color'), new HessianObject('com.x.Color', ['name'], ['RED']));
    assert.deepEqual(of({ id: 1 }, 'com.x.User', true), new HessianMap([['id', 1n]]));
    assert.equal(of('RED', 'com.x.Color', true), 'RED');
  });

  test('only classes that the mapping knows can be named', () => {
    assert.deepEqual(
      of({ class: 'com.x.User', id: 1 }, 'java.lang.Object'),
      new HessianObject('com.x.User', ['id', 'name'], [1n, null]),
    );
    assert.deepEqual(
      of({ class: 'com.x.User', id: 1 }, 'java.lang.Object', true),
      new HessianMap([
        ['class', 'com.x.User'],
        ['id', 1n],
      ]),
    );
    assert.deepEqual(of({ class: 'com.x.Other' }, 'com.x.Other'), new HessianObject('com.x.Other', []));
    for (const named of ['javax.naming.InitialContext', 'com.x.Color', 'toString', '__proto__', '', 7, {}]) {
      const unknown = /class: is no class that the mapping knows/;
      for (const asMaps of [true, false]) {
        for (const type of ['com.x.Other', 'com.x.User'])
          assert.throws(() => of({ class: named }, type, asMaps), unknown);
      }
      for (const type of ['java.lang.Object', 'java.util.Map'])
        assert.throws(() => of({ class: named }, type, true), unknown);
      assert.throws(() => of([{ a: { class: named } }], 'java.util.List', true), /p\[0\].a.class/);
      // Where objects are written as such, an entry of a map is no more than that.
      const map = of({ class: named }, 'java.util.Map');
      assert.ok(map instanceof HessianMap && map.type === '');
      assert.deepEqual(of({ class: named }, 'java.lang.Object'), map);
    }
  });

  test('names of JavaScript are names like any other', () => {
    const json = parseJson(Buffer.from('{"__proto__":{"a":1},"constructor":2}'), badRequest);
    const map = of(json, 'java.util.Map') as HessianMap;
    assert.deepEqual(map.entries, [
      ['__proto__', new HessianMap([['a', 1]])],
      ['constructor', 2],
    ]);
    assert.equal(jsonOf(map), '{"__proto__":{"a":1},"constructor":2}');
  });

  test('numbers keep all their digits', () => {
    const json = parseJson(
      Buffer.from('{"a":9007199254740993,"b":-1,"c":1e400,"d":0.1234567890123456789}'),
      badRequest,
    );
    assert.deepEqual(json, { a: 9007199254740993n, b: -1, c: Number.POSITIVE_INFINITY, d: 0.12345678901234568 });
  });

  test('hostile texts', () => {
    const fault = (error: unknown) => error instanceof ConversionFault && error.status === 400;
    const read = (text: string | Buffer) => of(parseJson(Buffer.from(text), badRequest), 'java.lang.Object');
    assert.throws(() => read('{"a":'), fault);
    assert.throws(() => read(Buffer.of(0x22, 0xff, 0x22)), fault);
    assert.throws(() => read('['.repeat(200_000) + ']'.repeat(200_000)), fault);
    assert.throws(() => read(`${'{"a":'.repeat(100_000)}12345678901234567890${'}'.repeat(100_000)}`), fault);
    assert.throws(() => read(`[${'['.repeat(70)}${']'.repeat(70)}]`), /more than 60 levels/);
  });

  test('whatever JSON there is, it comes back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/[{,]"class":/.test(text));
        assert.equal(jsonOf(of(JSON.parse(text), 'java.lang.Object'), { lengthMax: 1e7 }), text);
      }),
      { seed: 5, numRuns: 60 },
    );
  });
});

describe('Java to JSON', () => {
  test('values', () => {
    const cases: [HessianValue, string][] = [
      [9007199254740991n, '9007199254740991'],
      [-9007199254740993n, '"-9007199254740993"'],
      [Number.NaN, '"NaN"'],
      [new HessianDouble(Number.NEGATIVE_INFINITY), '"-Infinity"'],
      [new Date(0), '"1970-01-01T00:00:00.000Z"'],
      [Buffer.from('hi'), '"aGk="'],
      [new HessianList([null, true], 'x'), '[null,true]'],
      [
        new HessianMap([
          [1, 2],
          [true, 3],
          [new HessianObject('com.x.Color', ['name'], ['RED']), 4],
        ]),
        '{"1":2,"true":3,"RED":4}',
      ],
      [new HessianMap(), '{}'],
      [new HessianObject('com.x.User', ['id', 'this$0'], [1n, 'outer']), '{"id":1}'],
      [new HessianObject('com.x.Color', ['name'], ['RED']), '"RED"'],
      [new HessianObject('java.math.BigDecimal', ['value'], ['1.50']), '"1.50"'],
    ];
    for (const [value, text] of cases) assert.equal(jsonOf(value), text);
  });

  test('classes are said if asked for, and entries that say them are not content', () => {
    const user = new HessianObject('com.x.User', ['id'], [1]);
    assert.equal(jsonOf(user, { classNames: true }), '{"class":"com.x.User","id":1}');
    const generic = new HessianMap([
      ['class', 'com.x.User'],
      ['id', 1],
    ]);
    assert.equal(jsonOf(generic), '{"class":"com.x.User","id":1}');
    assert.equal(jsonOf(generic, { classEntries: true }), '{"id":1}');
    assert.equal(jsonOf(generic, { classEntries: true, classNames: true }), '{"class":"com.x.User","id":1}');
  });

  test('what contains itself, or grows without end, is refused', () => {
    const own = new HessianList();
    own.items.push(own);
    assert.throws(() => jsonOf(own), /contains itself/);
    let laughs: HessianValue = 'lol';
    for (let level = 0; level < 30; level++) laughs = new HessianList(Array(10).fill(laughs));
    assert.throws(() => jsonOf(laughs), /longer than 100000/);
    assert.throws(() => jsonOf(new HessianMap([[new HessianList(), 1]])), /keys are no texts/);
  });
});
