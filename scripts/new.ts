/**
 * `npm run new protocol|filter|network-filter|balancer NAME`: a new extension folder that works, its test handed to the suite of its
 * contract, and the catalogues renewed. What it makes is a copy of something that is tested: the example protocol, the
 * random balancer, or scripts/templates.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Names {
  /** `my-filter`: the folder. */
  readonly name: string;
  /** `myFilter`. */
  readonly camel: string;
  /** `MyFilter`. */
  readonly pascal: string;
  /** `my_filter`. */
  readonly snake: string;
}

interface Kind {
  readonly folder: string;
  /** Files of the new folder by name. */
  files(names: Names): ReadonlyMap<string, string>;
  next(names: Names): readonly string[];
  /** Names that mean something else where this kind is configured. */
  readonly reserved?: RegExp;
}

const kinds: Readonly<Record<string, Kind>> = {
  protocol: {
    folder: 'packages/protocols/src',
    files: protocolFiles,
    reserved: /^(?:auto$|http)/,
    next: ({ name }) => [
      `NAME.ts: write your frame down, then say where it ends (length), what it is (kind), where its id is`,
      `sample-frames.test.ts, NAME.test.ts: frames by hand or recorded, and what they mean; run them after each step`,
      `service, method, visitHeaders, status, errorReply, rebuild: each gives rules, logs and metrics more to work with`,
      `docs/add-a-protocol.md: what unlocks what, and how to try it through mosn`,
      ...(name.includes('-')
        ? [`a port is declared as x-NAME, where a dash ends the name: choose one without, if you need that`]
        : []),
    ],
  },
  filter: {
    folder: 'packages/filters/src',
    files: filterFiles,
    next: ({ snake }) => [
      `NAME.ts: what the filter does; the hooks are in packages/contract/src/filter.ts`,
      `config.ts: what users write, read into plain data`,
      `in http_filters: {name: ${fullName(snake)}, typed_config: {"@type": type.googleapis.com/google.protobuf.Struct, value: {…}}}`,
    ],
  },
  'network-filter': {
    folder: 'packages/filters/src/network',
    files: networkFilterFiles,
    next: ({ snake }) => [
      `NAME.ts: what the filter does with connections; the contract is packages/contract/src/network-filter.ts`,
      `config.ts: what users write, read into plain data`,
      `in filters, before the last: {name: ${networkName(snake)}, typed_config: {"@type": type.googleapis.com/google.protobuf.Struct, value: {…}}}`,
    ],
  },
  balancer: {
    folder: 'packages/balancers/src',
    files: balancerFiles,
    next: () => [
      `NAME.ts: how a host is picked; the contract is packages/contract/src/balancer.ts`,
      `apps/mosn/src/config/load-balancing.ts: which policy of Envoy's means it`,
    ],
  },
};

function namesOf(name: string): Names {
  const words = name.split('-');
  const pascal = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return { name, pascal, camel: pascal[0]!.toLowerCase() + pascal.slice(1), snake: words.join('_') };
}

const fullName = (snake: string) => `mosn.filters.http.${snake}`;
const networkName = (snake: string) => `mosn.filters.network.${snake}`;

/** The example, renamed, with another first byte so that both can be told apart on one port. */
function protocolFiles({ name, camel, pascal }: Names): ReadonlyMap<string, string> {
  const magic = (0xe2 + ([...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 0) % 0x1c)).toString(16);
  return copied('packages/protocols/src/example', 'example', name, (text) =>
    text
      .replaceAll(/\bExample(?=[A-Z])/g, pascal)
      .replaceAll(/\bexample(?=[A-Z])/g, camel)
      .replaceAll(/\bexample\b/g, name)
      .replaceAll(/(?<=0x|')e1/g, magic)
      .replace(/A protocol to learn from \([^)]*\)\./, 'The frame that the scaffold made: write yours here.'),
  );
}

function balancerFiles({ name, pascal, snake }: Names): ReadonlyMap<string, string> {
  return copied('packages/balancers/src/random', 'random', name, (text) =>
    text
      .replace(/ \(Envoy: RANDOM\)/, '')
      .replaceAll('RandomBalancer', `${pascal}Balancer`)
      .replaceAll("'random'", `'${snake}'`)
      .replaceAll('./random.ts', `./${name}.ts`),
  );
}

function filterFiles(names: Names): ReadonlyMap<string, string> {
  return fromTemplate('scripts/templates/filter', names, fullName(names.snake));
}

function networkFilterFiles(names: Names): ReadonlyMap<string, string> {
  return fromTemplate('scripts/templates/network-filter', names, networkName(names.snake));
}

function fromTemplate(folder: string, { name, pascal, snake }: Names, full: string): ReadonlyMap<string, string> {
  const files = copied(folder, 'NAME', name, (text) =>
    text.replaceAll('FULL_NAME', full).replaceAll('PASCAL', pascal).replaceAll('SNAKE', snake).replaceAll('NAME', name),
  );
  return new Map([...files].map(([file, text]) => [file.replace(/\.txt$/, ''), text]));
}

/** The files of a folder under new names. */
function copied(
  folder: string,
  from: string,
  to: string,
  change: (text: string) => string,
): ReadonlyMap<string, string> {
  const files = readdirSync(join(root, folder)).sort();
  return new Map(files.map((file) => [file.replace(from, to), change(readFileSync(join(root, folder, file), 'utf8'))]));
}

/** Why nothing can be made under that name; undefined: it can. */
function refusalOf(kind: Kind, name: string): string | undefined {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name) || name.length > 40) {
    return `${JSON.stringify(name)} is no name for a folder: lower-case words with single dashes, at most 40 letters`;
  }
  if (kind.reserved?.test(name)) return `${name} means something else where one is chosen by name`;
  const path = join(kind.folder, name);
  return existsSync(join(root, path)) ? `${path} is there already` : undefined;
}

/** The exit status: 0, 1 where the name is refused, 2 for another command line. */
export function main(args: readonly string[]): number {
  const [word = '', name = ''] = args;
  const kind = Object.hasOwn(kinds, word) ? kinds[word] : undefined;
  if (kind === undefined || name === '' || args.length > 2) {
    console.error(`usage: npm run new ${Object.keys(kinds).join('|')} NAME`);
    return 2;
  }
  const refusal = refusalOf(kind, name);
  if (refusal !== undefined) {
    console.error(refusal);
    return 1;
  }
  const names = namesOf(name);
  const folder = join(root, kind.folder, name);
  mkdirSync(folder);
  for (const [file, text] of kind.files(names)) writeFileSync(join(folder, file), text);
  // New names change the order of imports and the length of lines.
  spawnSync(join(root, 'node_modules/.bin/biome'), ['check', '--write', folder], { cwd: root, stdio: 'ignore' });
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/catalogue.ts')], { cwd: root, stdio: 'inherit' });
  if (status !== 0) return 1;
  const place = relative(root, folder);
  console.log(`made ${place}, which works:\n\n    npm exec -- node --test ${place}/*.test.ts\n\nnow edit`);
  for (const line of kind.next(names)) console.log(`  - ${line.replaceAll('NAME', name)}`);
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
