import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

// What the documents say of the repository is compared with it: paths, links, commands, methods, limits.
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

const documents = globSync('**/*.md', {
  cwd: root,
  exclude: (name) => /(^|\/)(node_modules|dist|results|\.mesh|\.git)$/.test(name),
}).sort();
const sources = globSync(['apps/*/src/**/*.ts', 'packages/*/src/**/*.ts', 'packages/registries/*/src/**/*.ts'], {
  cwd: root,
}).filter((file) => !/\/gen\/|\.test\.ts$|\/test-support\/|^packages\/testkit\/|\.gen\.ts$/.test(file));

const withoutFences = (text: string) => text.replace(/^```[\s\S]*?^```$/gm, '');

/** Every broken statement of one document, as sentences. */
function faultsOf(file: string, text: string): string[] {
  return [
    ...pathFaults(file, text),
    ...linkFaults(file, text),
    ...scriptFaults(file, text),
    ...methodFaults(file, text),
  ];
}

// ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const topLevel = /^(?:apps|packages|test|examples|docs|scripts|\.ci)\/|^(?:package|layers|tsconfig|biome)\.json$/;

/** Words in backticks that begin like a path of the repository. NAME stands for any name, as `*` does. */
function pathFaults(file: string, text: string): string[] {
  const words = [...withoutFences(text).matchAll(/`([^`\s]+)`/g)].map((match) => match[1]!);
  return words
    .filter((word) => topLevel.test(word))
    .filter((word) => !exists(dirname(file), word) && !exists('.', word))
    .map((word) => `${file}: there is no ${word}`);
}

function exists(folder: string, path: string): boolean {
  const pattern = path.replace(/[A-Z]{4,}(?![A-Za-z]*\.md)/g, '*').replace(/\/$/, '');
  return globSync(pattern, { cwd: join(root, folder) }).length > 0;
}

// ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function linkFaults(file: string, text: string): string[] {
  const targets = [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  return targets.flatMap((target) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const linked = path === '' ? file : relative(root, join(root, dirname(file), path));
    if (!existsSync(join(root, linked))) return [`${file}: link to ${target}: there is no ${linked}`];
    if (anchor === undefined || statSync(join(root, linked)).isDirectory()) return [];
    return anchorsOf(read(linked)).has(anchor) ? [] : [`${file}: link to ${target}: no such heading`];
  });
}

function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...withoutFences(text).matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!);
  const plain = (heading: string) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '');
  return new Set(headings.map((heading) => plain(heading).trim().replaceAll(' ', '-')));
}

// ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const scripts = JSON.parse(read('package.json')).scripts as Record<string, string>;

function scriptFaults(file: string, text: string): string[] {
  const named = [...text.matchAll(/npm (?:run ([a-z][\w:-]*)|(test|start)\b)/g)].map(([, run, own]) => (run ?? own)!);
  return named.filter((name) => !(name in scripts)).map((name) => `${file}: there is no npm script ${name}`);
}

// ── methods ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const texts = new Map(sources.map((source) => [source, read(source)]));

/** Texts of the sources that declare a name. */
const homesOf = new Map<string, Set<string>>();
for (const source of texts.values()) {
  for (const [, name] of source.matchAll(/\b(?:class|interface|type|const) (\w+)\b/g)) {
    const homes = homesOf.get(name!) ?? new Set();
    homesOf.set(name!, homes.add(source));
  }
}

/** `Class.method` in backticks: a file that has the class has the method, too. */
function methodFaults(file: string, text: string): string[] {
  if (!file.startsWith('docs/')) return [];
  const named = withoutFences(text).matchAll(/`([A-Z]\w*[a-z]\w*)\.(#?[a-z]\w*)`/g);
  return [...named].flatMap(([, owner, member]) => {
    const homes = [...(homesOf.get(owner!) ?? [])];
    if (homes.length === 0) return [`${file}: there is no ${owner}`];
    const uses = new RegExp(`(?:^|[^\\w#])${member}\\b`, 'm');
    return homes.some((source) => uses.test(source)) ? [] : [`${file}: ${owner} has no ${member}`];
  });
}

// ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Limit {
  readonly name: string;
  readonly source: string;
  readonly value: string;
}

/** Rows of docs/limits.md: a linked name, what it bounds, its value. */
function limitsIn(text: string): Limit[] {
  const rows = text.matchAll(/^\| \[`(\w+)`\]\(\.\.\/([^)]+)\) \|[^|]*\| ([^|]*) \|/gm);
  return [...rows].map(([, name, source, value]) => ({ name: name!, source: source!, value: value!.trim() }));
}

const units: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
};

/** `60 KiB`, `10 s`, `1,024`; undefined for what is no plain number. */
function amountOf(text: string): number | undefined {
  const [, number, unit] = /^(\d[\d,]*) ?([A-Za-z]+)?$/.exec(text) ?? [];
  const factor = unit === undefined ? 1 : units[unit];
  return number === undefined || factor === undefined ? undefined : Number(number.replaceAll(',', '')) * factor;
}

/** The value that a source gives a name, where it is a product of plain numbers. */
function literalOf(name: string, source: string): number | undefined {
  const [, product] = new RegExp(`\\b${name}(?::[^=\\n]+)? ?[=:] ([\\d_* ]+)[,;\\n]`).exec(source) ?? [];
  return product
    ?.replaceAll('_', '')
    .split('*')
    .reduce((value, factor) => value * Number(factor), 1);
}

function limitFaults(limits: readonly Limit[]): string[] {
  return limits.flatMap(({ name, source, value }) => {
    const text = existsSync(join(root, source)) ? read(source) : '';
    if (!new RegExp(`\\b${name}\\b`).test(text)) return [`${source} has no ${name}`];
    const [said, is] = [amountOf(value), literalOf(name, text)];
    return said === undefined || is === undefined || said === is ? [] : [`${name} is ${is}, not ${value}`];
  });
}

/** Constants whose names say that they are limits. */
const limitConstant = /^(?:export )?const (\w+(?:Max|MAX)) = [\d(]/gm;

describe('documents', () => {
  for (const file of documents) {
    test(file, () => assert.deepEqual(faultsOf(file, read(file)), []));
  }

  test('there are the ones that a reader looks for', () => {
    for (const file of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs/architecture.md', 'docs/limits.md']) {
      assert.ok(documents.includes(file), `${file} is missing`);
    }
  });

  test('finds each kind of fault', () => {
    const faults = (text: string) => faultsOf('docs/x.md', text).join('\n');
    assert.match(faults('see `packages/nothing/src/x.ts`'), /no packages\/nothing/);
    assert.match(faults('see [it](nowhere.md)'), /no docs\/nowhere\.md/);
    assert.match(faults('see [it](rpc-as-http.md#nowhere)'), /no such heading/);
    assert.match(faults('`npm run nonsense`'), /no npm script nonsense/);
    assert.match(faults('`NoSuchThing.method`'), /there is no NoSuchThing/);
    assert.match(faults('`ActiveListener.noSuchMethod`'), /has no noSuchMethod/);
    assert.equal(faults('`packages/protocols/src/NAME/` and [a](rpc-as-http.md#edits) and `npm test`'), '');
  });
});

describe('docs/limits.md', () => {
  const limits = limitsIn(read('docs/limits.md'));

  test('names what is there, with its value', () => {
    assert.ok(limits.length > 80, `only ${limits.length} limits found`);
    assert.deepEqual(limitFaults(limits), []);
    const compared = limits.filter(
      ({ name, source, value }) => amountOf(value) !== undefined && literalOf(name, read(source)) !== undefined,
    );
    assert.ok(compared.length > 60, `only ${compared.length} values could be compared`);
  });

  test('leaves no limit out', () => {
    const known = new Set(limits.map(({ name, source }) => `${source} ${name}`));
    const found = sources.flatMap((source) =>
      [...texts.get(source)!.matchAll(limitConstant)].map((match) => `${source} ${match[1]}`),
    );
    assert.ok(found.length > 40, `only ${found.length} constants found`);
    assert.deepEqual(
      found.filter((limit) => !known.has(limit)),
      [],
    );
  });

  test('finds each kind of fault', () => {
    const source = 'packages/contract/src/protocol.ts';
    assert.deepEqual(limitFaults([{ name: 'noSuchLimit', source, value: '1' }]), [`${source} has no noSuchLimit`]);
    assert.deepEqual(limitFaults([{ name: 'headBytesMax', source, value: '61 KiB' }]), [
      'headBytesMax is 61440, not 61 KiB',
    ]);
    assert.deepEqual(limitFaults([{ name: 'headBytesMax', source, value: '60 KiB' }]), []);
  });
});
