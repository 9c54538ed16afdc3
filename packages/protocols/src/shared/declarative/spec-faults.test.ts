import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CodedError } from '@sofamesh/base/errors';
import fc from 'fast-check';
import { declarativeFormat } from './declarative-format.ts';
import { boltSpec, dubboSpec, exampleSpec, ledgerSpec } from './sample-specs.test.ts';

/** The lines of the refusal; none: it was taken. */
function faultsOf(spec: unknown): readonly string[] {
  try {
    declarativeFormat(spec, 'codec');
    return [];
  } catch (thrown) {
    assert.ok(thrown instanceof CodedError, String(thrown));
    assert.equal(thrown.code, 'bad_codec_spec');
    return thrown.message.split('\n');
  }
}

const withField = (changes: object, spec: object = exampleSpec) => faultsOf({ ...spec, ...changes });
const withLayout = (changes: object) => withField({ layout: { ...exampleSpec.layout, ...changes } });

describe('a spec that is wrong', () => {
  test('the samples are right', () => {
    for (const spec of [exampleSpec, boltSpec, dubboSpec, ledgerSpec]) assert.deepEqual(faultsOf(spec), []);
  });

  const cases: readonly (readonly [name: string, faults: readonly string[], expected: readonly string[]])[] = [
    ['nothing', faultsOf(undefined), ['codec: missing: must be an object']],
    ['a list', faultsOf([]), ['codec: []: must be an object']],
    [
      'a field that is not known',
      withField({ magik: 1 }),
      [
        'codec.magik: 1: unknown field; known are name, pooling, byteOrder, magic, kinds, id, layout, headers, service, method, timeout, status, applicationError, heartbeat, heartbeatReply, goAway, errorReply',
      ],
    ],
    [
      'a name with spaces',
      withField({ name: 'My Protocol' }),
      ['codec.name: "My Protocol": must be lower-case letters, digits and single dashes'],
    ],
    ['no name', withField({ name: '' }), ['codec.name: "": must be a text that is not empty']],
    [
      'another pooling',
      withField({ pooling: 'bound' }),
      ['codec.pooling: "bound": must be one of multiplexed, exclusive'],
    ],
    [
      'a magic that is no string',
      withField({ magic: { hex: 1 } }),
      ['codec.magic.hex: 1: must be bytes in hexadecimal, quoted'],
    ],
    [
      'half a byte of magic',
      withField({ magic: [{ hex: 'e1e' }] }),
      ['codec.magic[0].hex: "e1e": must be bytes in hexadecimal, quoted'],
    ],
    [
      'a magic behind the head',
      withField({ magic: { at: 15, hex: 'e1e1' } }),
      ['codec.magic.at: 15: must be a whole number from 0 to 14'],
    ],
    [
      'an id behind the head',
      withField({ id: { at: 9, size: 8 } }),
      ['codec.id.at: 9: must be a whole number from 0 to 8'],
    ],
    ['an id of 3 bytes', withField({ id: { at: 8, size: 3 } }), ['codec.id.size: 3: must be 4 or 8']],
    [
      'no id',
      withField({ id: undefined }),
      ['codec.id: missing: needed to tell calls apart; without ids, pooling is exclusive'],
    ],
    [
      'no kinds',
      withField({ kinds: {} }),
      ['codec.kinds.request: missing: every protocol has it', 'codec.kinds.reply: missing: every protocol has it'],
    ],
    [
      'a kind that is not known',
      withField({ kinds: { ...exampleSpec.kinds, ping: { at: 1, is: 3 } } }),
      [
        'codec.kinds.ping: {"at":1,"is":3}: unknown field; known are request, one-way, reply, heartbeat, heartbeat-reply, go-away, ignored',
      ],
    ],
    [
      'a condition without a value',
      withField({ kinds: { ...exampleSpec.kinds, request: { at: 1 } } }),
      ['codec.kinds.request.is: missing: must be a whole number from -2147483648 to 4294967295'],
    ],
    [
      'numbers that a field never is',
      withField({
        status: { at: 2, ok: [0, 256] },
        kinds: { ...exampleSpec.kinds, 'go-away': { at: 1, mask: 6, is: 1 } },
      }),
      [
        'codec.kinds.go-away.is: 1: the field is never that number',
        'codec.status.ok: 256: the field is never that number',
      ],
    ],
    [
      'a condition that never holds',
      withField({ kinds: { ...exampleSpec.kinds, 'go-away': { at: 1, is: [] } } }),
      ['codec.kinds.go-away.is: []: must have a number'],
    ],
    [
      'a negative number in a field that has none',
      withField({ kinds: { ...exampleSpec.kinds, 'go-away': { at: 1, is: -1 } } }),
      ['codec.kinds.go-away.is: -1: the field is never that number'],
    ],
    [
      'a kind without a condition',
      withField({ kinds: { ...exampleSpec.kinds, ignored: [] } }),
      ['codec.kinds.ignored: []: must have a condition'],
    ],
    [
      'a mask of more bits than the field has',
      withField({ kinds: { ...exampleSpec.kinds, ignored: { at: 1, mask: 256, is: 0 } } }),
      ['codec.kinds.ignored.mask: 256: must be a whole number from 1 to 255'],
    ],
    [
      'a head of no bytes',
      withLayout({ head: 0 }).slice(0, 1),
      ['codec.layout.head: 0: must be a whole number from 1 to 4096'],
    ],
    [
      'a part that would be all the rest before another',
      withLayout({ parts: [{ name: 'body' }, { name: 'sum', bytes: 4 }] }),
      ['codec.layout.parts[0]: "body": only the last part may be all the rest: give it length, prefix or bytes'],
    ],
    [
      'a frame without an end',
      withLayout({ length: undefined }),
      ['codec.layout.length: missing: needed, for the head does not tell how long body is'],
    ],
    [
      'a part of two lengths, and two of one name',
      withLayout({
        parts: [
          { name: 'a', bytes: 1, prefix: 1 },
          { name: 'a', bytes: 1 },
        ],
      }).slice(0, 2),
      [
        'codec.layout.parts[0]: "a": has more than one of length, prefix and bytes',
        'codec.layout.parts[1].name: "a": another part has this name, too',
      ],
    ],
    [
      'two layouts for one kind',
      withField({
        layout: [
          { ...exampleSpec.layout, kinds: ['reply'] },
          { ...exampleSpec.layout, kinds: ['reply'] },
          exampleSpec.layout,
          exampleSpec.layout,
        ],
      }),
      [
        'codec.layout[1].kinds[0]: "reply": another layout is for this kind, too',
        'codec.layout[3].kinds: missing: another layout is for all other kinds, too',
      ],
    ],
    [
      'a kind without a layout',
      withField({ layout: [{ ...exampleSpec.layout, kinds: ['request', 'reply', 'one-way', 'heartbeat'] }] }),
      ['codec.layout: "heartbeat-reply": there is no layout for this kind'],
    ],
    [
      'a service out of nowhere',
      withField({ service: {}, method: { part: 'method' } }),
      ['codec.service: {}: must have exactly one of text, part, header and at'],
    ],
    [
      'a part and a header that are not there',
      withField({
        service: { part: 'service' },
        method: { header: 'm' },
        timeout: { header: 't' },
        applicationError: { header: 'e', is: 'x' },
      }),
      [
        'codec.service.part: "service": a request has no such part',
        'codec.service.part: "service": a one-way has no such part',
        'codec.method.header: "m": there are no headers: say how in headers',
        'codec.timeout.header: "t": there are no headers: say how in headers',
        'codec.applicationError.header: "e": there are no headers: say how in headers',
      ],
    ],
    [
      'headers that have no part',
      withField({ headers: { key: 1, value: 5 } }),
      ['codec.headers.value: 5: must be a whole number from 1 to 4'],
    ],
    [
      'headers that have no place',
      withField({ headers: { key: 1, value: 2 } }),
      ['codec.headers: missing: no layout has a part named headers'],
    ],
    [
      'a name for what is no number',
      withField({ service: { at: 3, names: { seven: 'x' } } }),
      ['codec.service.names.seven: "x": a name is given to a number'],
    ],
    [
      'an HTTP status that is none',
      withField({ status: { at: 2, http: { 2: 99 }, otherwise: 'x' } }),
      [
        'codec.status.http.2: 99: must be a whole number from 200 to 599',
        'codec.status.otherwise: "x": must be a whole number from 200 to 599',
      ],
    ],
    [
      'a heartbeat that is something else',
      withField({ heartbeat: { hex: 'e1000000000000000000000000000000' } }),
      ['codec.heartbeat.hex: "e1000000000000000000000000000000": is of kind request, not heartbeat'],
    ],
    [
      'frames that are none',
      withField({
        heartbeat: { hex: 'e2030000' },
        heartbeatReply: { hex: 'e103' },
        errorReply: { hex: `e101${'00'.repeat(15)}` },
      }),
      [
        'codec.heartbeat.hex: "e2030000": is no frame of this protocol: a frame does not begin as one of example',
        'codec.heartbeatReply.hex: "e103": has 2 bytes, and says that it has more',
        'codec.errorReply.hex: "e101000000000000000000000000000000": has 17 bytes, and says that it has 16',
      ],
    ],
    [
      'heartbeats that nobody answers',
      withField({ heartbeatReply: undefined }),
      ['codec.heartbeatReply: missing: needed to answer heartbeats'],
    ],
    [
      'statuses that have no place',
      withField({ status: undefined }),
      [
        'codec.errorReply.status: {"400":5,"404":2,"503":3,"timeout":4,"nobody-there":2,"other…: the codec does not say where replies have their status',
      ],
    ],
    [
      'a text that has no place',
      withField({ layout: { ...exampleSpec.layout, parts: [{ name: 'payload' }] } }),
      ['codec.errorReply.text: true: a reply has no part named body'],
    ],
    [
      'a cause that is not known',
      withField({ errorReply: { ...exampleSpec.errorReply, status: { lots: 1 } } }),
      ['codec.errorReply.status.lots: 1: unknown field; known are timeout, nobody-there, lost, otherwise'],
    ],
    [
      'a status that its field has no room for',
      withField({ errorReply: { ...exampleSpec.errorReply, status: { otherwise: 256 } } }),
      ['codec.errorReply.status.otherwise: 256: has no room in the status of a reply'],
    ],
    [
      'a signed field with a mask',
      withField({ timeout: { at: 4, size: 2, signed: true, mask: 3 } }),
      ['codec.timeout.mask: 3: a signed number has none'],
    ],
  ];
  for (const [name, faults, expected] of cases) test(name, () => assert.deepEqual(faults, expected));

  test('whatever is written, the answer is a format or a list of faults', () => {
    const values = fc.oneof(
      fc.constant(undefined),
      fc.integer({ min: -1, max: 5000 }),
      fc.constantFrom('e1', '', 'body', 'headers', 'request'),
      fc.constant({}),
      fc.constant([]),
      fc.constant(null),
      fc.boolean(),
    );
    const paths = [
      ...pathsIn(ledgerSpec).map((path) => [ledgerSpec, path] as const),
      ...pathsIn(boltSpec).map((path) => [boltSpec, path] as const),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), values, ([spec, path], value) => {
        const changed = structuredClone(spec) as never;
        set(changed, path, value);
        faultsOf(changed);
      }),
      { numRuns: 500 },
    );
  });
});

function pathsIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => pathsIn(each, [...path, key]))].filter(
    ({ length }) => length > 0,
  );
}

function set(target: Record<string, never>, path: readonly string[], value: unknown): void {
  const owner = path.slice(0, -1).reduce((each, key) => each[key]!, target);
  (owner as Record<string, unknown>)[path.at(-1)!] = value;
}
