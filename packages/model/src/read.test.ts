import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatFinding } from './finding.ts';
import { describeObject } from './object.ts';
import { FILE_BYTES_MAX, readText, readTextInTurns } from './read.ts';

const ENTRY = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a, namespace: shop}
spec:
  hosts: [a.com]
  ports:
  - number: 80
    name: http
`;
const read = (text: string) => readText('f.yaml', text);
const findings = (text: string) => read(text).findings.map(formatFinding);
const names = (text: string) => read(text).objects.map(describeObject);

describe('reading resources', () => {
  test('many documents, with comments, directives and empty ones between', () => {
    const text = `%YAML 1.2\n# licence\n---\n${ENTRY}...\n---\n# nothing\n---\n${ENTRY.replace('name: a', 'name: b')}---\n`;
    const { objects, findings: found } = read(text);
    assert.deepEqual(found, []);
    assert.deepEqual(
      objects.map((object) => [describeObject(object), object.source]),
      [
        ['ServiceEntry shop/a', { file: 'f.yaml', line: 4, document: 1 }],
        ['ServiceEntry shop/b', { file: 'f.yaml', line: 16, document: 2 }],
      ],
    );
    assert.ok(Object.isFrozen(objects[0]?.spec) && Object.isFrozen(objects[0]?.metadata.labels));
  });

  test('JSON, with tabs; other line ends; a byte order mark', () => {
    const json =
      '{\n\t"apiVersion": "v1",\n\t"kind": "Service",\n\t"metadata": {"name": "a"},\n\t"spec": {"ports": [{"port": 80}]}\n}\n';
    assert.deepEqual(names(json), ['Service default/a']);
    assert.deepEqual(names(`\uFEFF${ENTRY.replaceAll('\n', '\r\n')}---\r\n${ENTRY.replace('name: a', 'name: b')}`), [
      'ServiceEntry shop/a',
      'ServiceEntry shop/b',
    ]);
  });

  test('the namespace, where none is given, is the one that the reader was told', () => {
    const text = ENTRY.replace(', namespace: shop', '');
    assert.equal(readText('f', text).objects[0]?.metadata.namespace, 'default');
    assert.equal(readText('f', text, { defaultNamespace: 'x' }).objects[0]?.metadata.namespace, 'x');
  });

  test('kind: List, its items by themselves', () => {
    const item = (name: string, more = '') =>
      `- {apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {ports: [{port: 80}]${more}}}\n`;
    const text = `apiVersion: v1\nkind: List\nitems:\n${item('a')}${item('b', ', prots: []')}${item('c')}`;
    assert.deepEqual(names(text), ['Service default/a', 'Service default/c']);
    assert.deepEqual(findings(text), [
      'f.yaml:5:84: error: items[1].spec.prots: []: is not a field that exists here; did you mean ports?',
    ]);
    assert.deepEqual(findings('apiVersion: v1\nkind: List\nitems: {}\n'), [
      'f.yaml:3:1: error: items: {}: must be a list of resources',
    ]);
    assert.equal(
      read('{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: []}]}').findings.length,
      1,
    );
  });

  test('a finding tells file, line, column, path, value and reason', () => {
    const text = ENTRY.replace('number: 80', 'number: 99999').replace('hosts:', 'hsots:');
    assert.deepEqual(findings(`---\n${text}`), [
      'f.yaml:5:1: error: spec.hosts: is required',
      'f.yaml:6:3: error: spec.hsots: [… 1]: is not a field that exists here; did you mean hosts?',
      'f.yaml:8:5: error: spec.ports[0].number: 99999: must be <= 65535',
    ]);
    assert.deepEqual(read(text).refused, ['ServiceEntry shop/a']);
    assert.equal(read(text).unreadable, false);
  });

  test('anchors, aliases and merges are followed', () => {
    const text = ENTRY.replace('- number', '- &p\n    number').concat('  - {<<: *p, number: 81, name: b}\n');
    const { objects, findings: found } = read(text);
    assert.deepEqual(found, []);
    const [object] = objects;
    assert.deepEqual(object?.kind === 'ServiceEntry' && object.spec.ports.map(({ number, name }) => [number, name]), [
      [80, 'http'],
      [81, 'b'],
    ]);
  });

  test('a fault in one document keeps no other from being read', () => {
    for (const bad of [
      'a: "never closed',
      'a: [1, 2',
      'a: {',
      '\t- x',
      'a: b: c',
      '- a\nb: c',
      '!!',
      '@',
      '*nothing',
      '"\\q"',
    ]) {
      const text = `${ENTRY}---\n${bad}\n---\n${ENTRY.replace('name: a', 'name: b')}`;
      const reading = read(text);
      assert.deepEqual(reading.objects.map(describeObject), ['ServiceEntry shop/a', 'ServiceEntry shop/b'], bad);
      assert.ok(reading.unreadable, bad);
      assert.ok(reading.findings.length > 0 && reading.findings.every(({ line }) => line >= 9 && line <= 12), bad);
    }
  });

  for (const [text, expected] of [
    ['a: 1', 'f.yaml:1:1: warning: is not a resource: it has no apiVersion and kind; ignored'],
    ['just words', 'f.yaml:1:1: warning: is not a resource: it has no apiVersion and kind; ignored'],
    ['- a', 'f.yaml:1:1: warning: is not a resource: it has no apiVersion and kind; ignored'],
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}',
      'f.yaml:2:1: warning: kind: "Pod": is not read by this control plane (of v1); ignored',
    ],
    [
      'apiVersion: networking.istio.io/v1\nkind: Gateway',
      'f.yaml:2:1: warning: kind: "Gateway": is not read by this control plane (of networking.istio.io/v1); ignored',
    ],
    [
      'apiVersion: serving.knative.dev/v1\nkind: Service',
      'f.yaml:2:1: warning: kind: "Service": is not read by this control plane (of serving.knative.dev/v1); ignored',
    ],
    [
      'apiVersion: networking.istio.io/v1\nkind: VirtualServce',
      'f.yaml:2:1: error: kind: "VirtualServce": is not a kind that exists; did you mean VirtualService?',
    ],
    [
      'apiVersion: networking.istio.io/v2\nkind: Sidecar',
      'f.yaml:1:1: error: apiVersion: "networking.istio.io/v2": must be networking.istio.io/v1 or networking.istio.io/v1beta1 or networking.istio.io/v1alpha3 for a Sidecar',
    ],
    ['apiVersion: v1\nmetadata: {}', 'f.yaml:1:1: error: kind: is required'],
    ['apiVersion: v1\nkind: 7', 'f.yaml:2:1: error: kind: 7: must be a text'],
    [
      ENTRY.replace('name: a,', 'name: A,'),
      'f.yaml:3:12: error: metadata.name: "A": must be a name of lower case letters, digits, dashes and dots',
    ],
    [
      ENTRY.replace('name: a,', 'name: a, labels: {v: 1},'),
      'f.yaml:3:30: error: metadata.labels.v: 1: must be a text, not a number; put it in quotes',
    ],
    [
      ENTRY.replace('spec:', 'specs: {}\nspec:'),
      'f.yaml:4:1: error: specs: {}: is not a field that exists here; did you mean spec?',
    ],
    [ENTRY.concat('  hosts: [b.com]\n'), 'f.yaml:9:3: error: repeats the key "hosts"'],
    [ENTRY.concat('  ? [a]\n  : b\n'), 'f.yaml:9:5: error: must have texts as keys'],
    [
      ENTRY.concat('  __proto__: {resolution: STATIC}\n'),
      'f.yaml:9:3: error: spec.__proto__: {…}: is not a field that exists here',
    ],
    [
      ENTRY.concat('  resolution: !!binary U1RBVElD\n'),
      'f.yaml:9:15: warning: Unresolved tag: tag:yaml.org,2002:binary',
    ],
    ['<<: 1', 'f.yaml:1:1: error: merges something that is no map'],
    ['a: &a [*a]', 'f.yaml:1:8: error: stands for &a, which is not defined before it'],
    ['['.repeat(66) + ']'.repeat(66), 'f.yaml:1:66: error: is nested more than 64 deep'],
  ] as const) {
    test(`said of ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.equal(findings(text)[0], expected);
    });
  }

  test('tokens and passwords do not get into findings', () => {
    assert.deepEqual(findings(ENTRY.replace('spec:', 'password: geheim\nspec:')), [
      'f.yaml:4:1: error: password: is not a field that exists here',
    ]);
  });
});

describe('limits of reading', () => {
  const bounded = (text: string, reason: RegExp) => {
    const reading = read(text);
    assert.ok(reading.unreadable);
    assert.match(reading.findings.map(formatFinding).join('\n'), reason);
  };

  test('a file that is too large', () => bounded('#'.repeat(FILE_BYTES_MAX + 1), /is larger than 4194304 bytes/));
  test('too many documents', () => bounded('---\n'.repeat(10_001), /:10001:1: error: has more than 10000 documents/));
  test('aliases that stand for more than there is', () => {
    const level = (at: number) =>
      `l${at}: &l${at} [${Array(10)
        .fill(`*l${at - 1}`)
        .join(', ')}]\n`;
    bounded(
      `l0: &l0 [x]\n${Array.from({ length: 30 }, (_, at) => level(at + 1)).join('')}`,
      /has more than 200000 values/,
    );
  });
  for (const opening of ['[', '{a: ', '- ', '? ', '[{']) {
    test(`a pit of ${opening}`, () => bounded(opening.repeat(3_000), /is nested|cannot be read as YAML/));
  }
  test('more faults than anybody reads', () => {
    const fields = Array.from({ length: 500 }, (_, at) => `  unknown${at}: 1\n`).join('');
    const found = findings(ENTRY + fields);
    assert.equal(found.length, 101);
    assert.match(found.at(-1)!, /and 400 findings more in this file/);
  });
});

describe('reading anything', () => {
  const pieces = ENTRY.split(/(?<=[\s:{}[\],-])/).concat(
    '---\n',
    '&a ',
    '*a ',
    '<<: ',
    '"',
    "'",
    '|\n',
    '>\n',
    '!',
    '%',
    '\t',
    '\0',
    '\u{1F600}',
    'null',
    '.nan',
  );

  test('never throws, and what it says lies in the text', async () => {
    const edit = fc.record({ at: fc.nat(), cut: fc.nat({ max: 12 }), piece: fc.constantFrom(...pieces) });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 6 }), async (edits) => {
        let text = `${ENTRY}---\n${ENTRY}`;
        for (const { at, cut, piece } of edits) {
          const start = at % (text.length + 1);
          text = text.slice(0, start) + piece + text.slice(start + cut);
        }
        const reading = read(text);
        const lines = text.split('\n').length;
        for (const { line, column } of reading.findings) assert.ok(line >= 1 && line <= lines && column >= 1);
        const isFaulty = reading.unreadable || reading.refused.length > 0;
        assert.equal(
          reading.findings.some(({ level }) => level === 'error'),
          isFaulty,
        );
        assert.deepEqual(await readTextInTurns('f.yaml', text), reading);
      }),
      { numRuns: 100 },
    );
  });

  test('never throws for values of any shape in any field', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('VirtualService', 'DestinationRule', 'ServiceEntry', 'WorkloadEntry', 'Sidecar', 'Service'),
        fc.jsonValue({ maxDepth: 4 }),
        (kind, spec) => {
          const apiVersion = kind === 'Service' ? 'v1' : 'networking.istio.io/v1';
          read(JSON.stringify({ apiVersion, kind, metadata: { name: 'a' }, spec }));
        },
      ),
      { numRuns: 60 },
    );
  });
});
