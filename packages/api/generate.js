#!/usr/bin/env node
// Generates protobuf types into src/gen from the .proto files that @grpc/grpc-js-xds ships, plus our own in protos/.
// Runs at `npm ci` (root script "prepare"), so it is plain JavaScript that an old Node can read. Takes about three seconds.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinnedNode } from '../base/bin/pinned-node.js';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const staging = join(here, '.protos');
const generated = join(here, 'src', 'gen');

/** Folders of the package that together hold Envoy v3 and all it imports. */
const sources = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'];

function protoFiles(root) {
  return readdirSync(root, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.proto'))
    .map((file) => file.split(sep).join('/'));
}

function importsOf(text) {
  return [...text.matchAll(/^import\s+(?:public\s+|weak\s+)?"([^"]+)";/gm)].map((match) => match[1]);
}

/** Copies every proto to one tree, then drops files whose imports do not resolve, until none is left to drop. */
function stage() {
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  const shipped = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
  for (const source of sources) cpSync(join(shipped, source), staging, { recursive: true, filter: isProtoOrFolder });
  cpSync(join(here, 'protos'), staging, { recursive: true });
  const texts = new Map();
  for (const file of protoFiles(staging)) {
    // The shipped validate.proto is older than the option `ignore_empty` that a few files use.
    const text = readFileSync(join(staging, file), 'utf8')
      .replace(/^\s*ignore_empty: true,?\s*$/gm, '')
      .replace(/\(validate\.rules\)\.[a-z0-9_]+\.ignore_empty = true,?/g, '')
      .replace(/, ?ignore_empty: true|ignore_empty: true,? ?/g, '');
    texts.set(file, text);
  }
  for (let dropped = true; dropped; ) {
    dropped = false;
    for (const [file, text] of texts) {
      if (importsOf(text).every((name) => texts.has(name) || name.startsWith('google/protobuf/'))) continue;
      texts.delete(file);
      dropped = true;
    }
  }
  rmSync(staging, { recursive: true, force: true });
  for (const [file, text] of texts) {
    mkdirSync(dirname(join(staging, file)), { recursive: true });
    writeFileSync(join(staging, file), text);
  }
  return texts.size;
}

function isProtoOrFolder(path) {
  return path.endsWith('.proto') || !/\.[a-zA-Z0-9]+$/.test(path);
}

/** The output is a function of these inputs; a marker with their digest saves three seconds when nothing changed. */
function inputDigest() {
  const hash = createHash('sha256');
  for (const file of ['generate.js', 'remove-types.js']) hash.update(readFileSync(join(here, file)));
  for (const name of ['@grpc/grpc-js-xds/package.json', '@bufbuild/protoc-gen-es/package.json']) {
    hash.update(readFileSync(require.resolve(name)));
  }
  for (const file of protoFiles(join(here, 'protos')).sort()) hash.update(readFileSync(join(here, 'protos', file)));
  return hash.digest('hex');
}

/** Files that define options for what is in others, and no type that is used there. */
const definesOptions = /(?:^|\/)(?:annotations\/|validate\/validate_pb)/;

/** Descriptors do without the files in which their options are defined: a start of a proxy would load ten of them. */
function withoutOptions(text) {
  const names = [];
  const kept = text.replace(/^import \{ (file_\w+) \} from "([^"]+)";\n/gm, (line, name, path) => {
    if (!definesOptions.test(path)) return line;
    names.push(name);
    return '';
  });
  return kept.replace(/^ {2}fileDesc\("[^"]*", \[.*\]\);$/m, (line) =>
    names.reduce((rest, name) => rest.replace(new RegExp(`(?:, ${name}\\b|\\b${name}, |\\b${name}\\b)`), ''), line),
  );
}

/** Generated files build their descriptors by `src/file-desc.ts`, which says why. */
function adaptGenerated() {
  for (const name of readdirSync(generated, { recursive: true }).map(String)) {
    if (!name.endsWith('_pb.ts')) continue;
    const file = join(generated, name);
    const own = relative(dirname(file), join(here, 'src', 'file-desc.ts'))
      .split(sep)
      .join('/');
    const text = readFileSync(file, 'utf8').replace(
      /^import \{ (.*)\bfileDesc(?:, )?(.*) \} from "@bufbuild\/protobuf\/codegenv2";$/m,
      (_line, before, after) => {
        const others = `${before}${after}`.replace(/, $/, '');
        const rest = others === '' ? '' : `import { ${others} } from "@bufbuild/protobuf/codegenv2";\n`;
        return `${rest}import { fileDesc } from "${own}";`;
      },
    );
    writeFileSync(file, withoutOptions(text));
  }
}

/**
 * Leaves JavaScript and declarations. As TypeScript, comments and all, these files would be a third of what a start from
 * source reads. protoc-gen-es has JavaScript, too, but that builds the enumerations from their descriptors.
 */
function removeTypes() {
  const node = majorOf(process.versions.node) >= 24 ? process.execPath : pinnedNode().node;
  if (node === undefined)
    throw new Error(`api: Node ${process.version} is too old and ${pinnedNode().missing} is missing`);
  execFileSync(node, ['--no-warnings', join(here, 'remove-types.js'), generated], { stdio: 'inherit' });
}

function majorOf(version) {
  return Number(version.split('.')[0]);
}

const marker = join(generated, '.inputs');
const digest = inputDigest();
if (existsSync(marker) && readFileSync(marker, 'utf8') === digest) process.exit(0);
const count = stage();
writeFileSync(join(staging, 'buf.yaml'), 'version: v2\n');
writeFileSync(
  join(staging, 'buf.gen.yaml'),
  `version: v2
clean: true
plugins:
  - local: [${JSON.stringify(process.execPath)}, ${JSON.stringify(join(dirname(require.resolve('@bufbuild/protoc-gen-es/package.json')), 'bin', 'protoc-gen-es'))}]
    out: ${JSON.stringify(relative(staging, generated).split(sep).join('/'))}
    strategy: all
    opt: [target=ts+dts, import_extension=js, erasable_syntax=true]
`,
);
const buf = join(dirname(require.resolve('@bufbuild/buf/package.json')), 'bin', 'buf');
execFileSync(process.execPath, [buf, 'generate'], { cwd: staging, stdio: 'inherit' });
adaptGenerated();
removeTypes();
writeFileSync(marker, digest);
rmSync(staging, { recursive: true, force: true });
console.log(`api: generated types for ${count} .proto files`);
