import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConversionFault } from './fault.ts';
import { classNameOf, descriptorOf, hessianListType, parseJavaType } from './java-type.ts';
import { type Direction, readMapping } from './mapping.ts';
import { MappingError } from './mapping-fields.ts';
import { fillPath, parsePathTemplate } from './path-template.ts';
import { RuleIndex } from './rule-index.ts';

const call = (more: object = {}) => ({ interface: 'com.x.Users', method: 'find', ...more });
const rule = (path: string, more: object = {}, method = 'POST') => ({ http: { method, path }, call: call(more) });
const id = { name: 'id', from: 'path', type: 'long' };

describe('a mapping', () => {
  test('has defaults', () => {
    const { bodyBytesMax, types, rules } = readMapping({ rules: [rule('/find')] }, 'm', 'json-to-rpc');
    assert.deepEqual([bodyBytesMax, types], [1024 * 1024, {}]);
    assert.deepEqual(rules[0]!.call, {
      interface: 'com.x.Users',
      version: '',
      group: '',
      method: 'find',
      parameters: [],
      returns: { kind: 'any', name: 'java.lang.Object' },
      timeoutMs: 3000,
      oneWay: false,
      generic: true,
      headers: [],
      classNames: false,
    });
  });

  test('reads everything that a rule may have', () => {
    const parameters = [
      id,
      { name: 'X-Verbose', from: 'header', type: 'boolean', optional: true },
      { name: 'city', from: 'body.address.city', type: 'java.lang.String', default: 'Ulm' },
    ];
    const more = {
      version: '2.0',
      group: 'g',
      parameters,
      timeout: '1.5s',
      headers: ['Tenant'],
      returns: 'com.x.User',
    };
    const types = { 'com.x.User': { id: 'long', friends: 'java.util.List<com.x.User>' }, 'com.x.Color': 'enum' };
    const errors = [{ exception: 'com.x.NotFound', status: 404 }];
    const mapping = readMapping({ types, rules: [{ ...rule('/users/{id}', more), errors }] }, 'm', 'json-to-rpc');
    const [read] = mapping.rules;
    assert.deepEqual(
      read!.call.parameters.map(({ name, source, fallback }) => [name, source, fallback]),
      [
        ['id', { kind: 'path' }, undefined],
        ['x-verbose', { kind: 'header' }, null],
        ['city', { kind: 'field', fields: ['address', 'city'] }, 'Ulm'],
      ],
    );
    assert.deepEqual([read!.call.timeoutMs, read!.call.headers, read!.errors], [1500, ['tenant'], errors]);
    assert.equal(mapping.types['com.x.Color'], 'enum');
  });

  const bad: readonly [name: string, mapping: unknown, path: string, reason: RegExp, direction?: Direction][] = [
    ['no object', [], 'm', /must be an object/],
    ['no rules', {}, 'm.rules', /at least one rule/],
    ['a field that there is not', { rules: [rule('/a')], rule: 1 }, 'm.rule', /no such field/],
    ['a field of a rule', { rules: [{ ...rule('/a'), timeout: '1s' }] }, 'm.rules[0].timeout', /no such field/],
    ['a body above a frame', { bodyBytesMax: 9e6, rules: [rule('/a')] }, 'm.bodyBytesMax', /from 1 to 8388608/],
    ['a method', { rules: [rule('/a', {}, 'FETCH')] }, 'm.rules[0].http.method', /no method of HTTP/],
    ['a path without a slash', { rules: [rule('a')] }, 'm.rules[0].http.path', /must begin with/],
    ['a path with a query', { rules: [rule('/a?b')] }, 'm.rules[0].http.path', /without query/],
    ['half a variable', { rules: [rule('/a{b}')] }, 'm.rules[0].http.path', /neither text nor/],
    ['a variable that is no parameter', { rules: [rule('/{id}')] }, 'm.rules[0].call.parameters', /is no parameter/],
    [
      'a parameter of no path',
      { rules: [rule('/a', { parameters: [id] })] },
      'm.rules[0].call.parameters[0].name',
      /not in the path/,
    ],
    ['an interface', { rules: [rule('/a', { interface: 'a b' })] }, 'm.rules[0].call.interface', /no name of Java/],
    [
      'a version that YAML takes for a number',
      { rules: [rule('/a', { version: 1 })] },
      'm.rules[0].call.version',
      /quotes/,
    ],
    ['a time', { rules: [rule('/a', { timeout: 3 })] }, 'm.rules[0].call.timeout', /such as 3s/],
    [
      'a header of the protocols',
      { rules: [rule('/a', { headers: ['generic'] })] },
      'm.rules[0].call.headers[0]',
      /themselves/,
    ],
    ['a type', { rules: [rule('/a', { returns: 'User' })] }, 'm.rules[0].call.returns', /no Java type/],
    ['a class without package', { types: { User: {} }, rules: [rule('/a')] }, 'm.types.User', /package/],
    [
      'a body of GET',
      { rules: [rule('/a', { parameters: [{ name: 'x', from: 'body', type: 'int' }] }, 'GET')] },
      'm.rules[0].call.parameters[0].from',
      /has no body/,
    ],
    [
      'two parameters in one place',
      {
        rules: [
          rule('/a', {
            parameters: [
              { name: 'x', from: 'body.a', type: 'int' },
              { name: 'y', from: 'body.a.b', type: 'int' },
            ],
          }),
        ],
      },
      'm.rules[0].call.parameters[1].from',
      /taken by another/,
    ],
    [
      'two rules for a request',
      { rules: [rule('/a/{id}', { parameters: [id] }), rule('/a/{id}', { parameters: [id] })] },
      'm.rules[1]',
      /same as m.rules\[0\]/,
    ],
    ['two rules for a call', { rules: [rule('/a'), rule('/b')] }, 'm.rules[1]', /same as m.rules\[0\]/, 'rpc-to-json'],
    [
      'a status',
      { rules: [{ ...rule('/a'), errors: [{ exception: 'a.B', status: 200 }] }] },
      'm.rules[0].errors[0].status',
      /from 400/,
    ],
  ];
  for (const [name, mapping, path, reason, direction = 'json-to-rpc'] of bad) {
    test(`is refused by its field: ${name}`, () => {
      assert.throws(
        () => readMapping(mapping, 'm', direction),
        (error) =>
          error instanceof MappingError &&
          error.path === path &&
          reason.test(error.reason) &&
          error.message.startsWith(`${path}: `),
      );
    });
  }
});

test('types', () => {
  const names = (text: string) => {
    const type = parseJavaType(text)!;
    return [type.name, descriptorOf(type), classNameOf(type), hessianListType(type)];
  };
  assert.deepEqual(names('int'), ['int', 'I', 'int', '']);
  assert.deepEqual(names('int[]'), ['int[]', '[I', '[I', '[int']);
  assert.deepEqual(names('java.lang.String[][]'), [
    'java.lang.String[][]',
    '[[Ljava/lang/String;',
    '[[Ljava.lang.String;',
    '[[string',
  ]);
  assert.deepEqual(names('java.util.List<com.x.User>'), ['java.util.List', 'Ljava/util/List;', 'java.util.List', '']);
  const map = parseJavaType('java.util.Map<java.lang.String, java.util.List<long>>')!;
  assert.equal(map.kind === 'map' && map.value.kind === 'list' && map.value.element.name, 'long');
  for (const none of [
    '',
    'User',
    'java.util.List<',
    'java.util.List<a.B',
    'java.util.Map<int,a.B>',
    'a..B',
    'a.B<c.D>',
    '[]',
    'a.B;',
  ])
    assert.equal(parseJavaType(none), undefined, none);
});

describe('rules', () => {
  const path = (name: string) => ({ name, from: 'path', type: 'java.lang.String' });
  const index = new RuleIndex(
    readMapping(
      {
        rules: [
          rule('/{a}/{b}', { method: 'both', parameters: [path('a'), path('b')] }, 'GET'),
          rule('/users/{id}', { method: 'one', parameters: [path('id')] }, 'GET'),
          rule('/users/me', { method: 'me' }, 'GET'),
          rule('/users/{id}', { method: 'put', version: '2.0', parameters: [path('id')] }, 'PUT'),
        ],
      },
      'm',
      'json-to-rpc',
    ),
  );

  test('text goes before variables, and those are decoded', () => {
    const found = (target: string) => {
      const match = index.ofRequest('GET', target);
      return [match.rule.call.method, ...match.variables.values()];
    };
    assert.deepEqual(found('/users/me'), ['me']);
    assert.deepEqual(found('/users/7'), ['one', '7']);
    assert.deepEqual(found('/users/a%2Fb%20c'), ['one', 'a/b c']);
    assert.deepEqual(found('/other/7'), ['both', 'other', '7']);
  });

  const fault =
    (status: number, allowed: readonly string[] = []) =>
    (error: unknown) =>
      error instanceof ConversionFault && error.status === status && error.allowed.join() === allowed.join();

  test('what has none is refused', () => {
    assert.throws(() => index.ofRequest('GET', '/users'), fault(404));
    assert.throws(() => index.ofRequest('GET', '/users/'), fault(404));
    assert.throws(() => index.ofRequest('GET', '/users/7/'), fault(404));
    assert.throws(() => index.ofRequest('POST', '/users/7'), fault(405, ['GET', 'PUT']));
    assert.throws(() => index.ofRequest('GET', '/users/%zz'), fault(400));
  });

  test('calls are found by what their rules say', () => {
    const of = (method: string, version: string, argumentCount: number) =>
      index.ofCall({ interface: 'com.x.Users', version, group: '', method, argumentCount }).http.method;
    assert.equal(of('one', '9.9', 1), 'GET');
    assert.equal(of('put', '2.0', 1), 'PUT');
    assert.throws(() => of('put', '1.0', 1), fault(404));
    assert.throws(() => of('one', '', 2), fault(404));
  });

  test('a path is filled in such that nobody can step out of it', () => {
    const segments = parsePathTemplate('/users/{id}');
    assert.ok(typeof segments !== 'string');
    assert.equal(
      fillPath(segments, () => 'a/b?c#d e\ud800'),
      '/users/a%2Fb%3Fc%23d%20e%EF%BF%BD',
    );
    for (const step of ['.', '..']) assert.throws(() => fillPath(segments, () => step), fault(400));
  });
});
