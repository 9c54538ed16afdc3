import { fileURLToPath } from 'node:url';

/** How one file of the library is changed. */
interface Change {
  /** Its path within the package. */
  readonly path: RegExp;
  /** Undefined: the file is not the one that this was written for. */
  readonly make: (source: string, path: string) => string | undefined;
  /** What a program does without it. */
  readonly otherwise: string;
}

const changes: readonly Change[] = [
  {
    path: /(?:from|to)-(?:binary|json)\.js$/,
    make: (source, path) => compileLate(source, /from-binary\.js$/.test(path)),
    otherwise: 'message types are compiled early',
  },
  { path: /codegenv2[\\/]file\.js$/, make: describeLate, otherwise: 'fields are described early' },
  { path: /registry\.js$/, make: nameFiles, otherwise: 'each file is described whole' },
  { path: /wkt[\\/]wrappers\.js$/, make: lookAtNames, otherwise: 'what a used type contains is described, too' },
];

/** Paths and URLs of the files that {@link changeLibrary} may change. */
export const libraryFile = /[\\/]@bufbuild[\\/]protobuf[\\/]dist[\\/](?:esm|cjs)[\\/].*\.js$/;

export interface ChangedFile {
  readonly source: string;
  /** The file is not the one that the change was written for, and as it was. */
  readonly warning?: string;
}

/**
 * Lets the protobuf library describe and compile a message type no sooner than a message of it comes. A bootstrap or a
 * cluster can contain some thousand types of Envoy's API, of which a configuration uses fifty; the rest would cost every
 * process memory and every start time. `path`: of one of its files, whose text `source` is.
 */
export function changeLibrary(path: string, source: string): ChangedFile {
  const change = libraryFile.test(path) ? changes.find((each) => each.path.test(path)) : undefined;
  if (change === undefined) return { source };
  const changed = change.make(source, path);
  return changed === undefined
    ? { source, warning: `${path} is not as it was: ${change.otherwise}` }
    : { source: changed };
}

/** Where a codec looks for what it has compiled, and compiles it. */
const compiling =
  /let compiled = (\w+)\.get\(desc\);\s*if \(compiled === undefined\) \{\s*compiled = compileMessage\(desc\);/;

/**
 * A codec compiles a message type when it is first used, and with it all types that it can contain; this puts the latter off.
 * `hasGroups`: what it compiles is not a function but two.
 */
export function compileLate(source: string, hasGroups: boolean): string | undefined {
  if (!compiling.test(source)) return undefined;
  const late = (member: string) => `(a, b, c, d) => (real ??= compileMessage(desc))${member}(a, b, c, d)`;
  const standIn = hasGroups ? `{ read: ${late('.read')}, readGroup: ${late('.readGroup')} }` : late('');
  return source.replace(
    compiling,
    (_, known) =>
      `let compiled = ${known}.get(desc); if (compiled === undefined) { let real; compiled = ${standIn}; ${known}.set(desc, compiled);`,
  );
}

/** Makes {@link lateFile} of what generated files are described by. */
export function describeLate(source: string): string | undefined {
  const parts = ['export function fileDesc(b64, imports) {', 'base64Decode(b64)', 'f.proto.name'];
  if (!parts.every((part) => source.includes(part))) return undefined;
  const place = JSON.stringify(fileURLToPath(import.meta.resolve('./late-file.ts')));
  const whole = source
    .replace('export function fileDesc(b64, imports) {', 'function wholeFile(encoded, imports) {')
    .replace('base64Decode(b64)', 'encoded')
    .replaceAll('f.proto.name', fileName('f'));
  return [
    `import { lateFile } from ${place};`,
    'export function fileDesc(b64, imports) { return lateFile(b64, imports ?? [], wholeFile); }',
    whole,
  ].join('\n');
}

/** Files are found by their names; what they were compiled from would be read again for that. */
export function nameFiles(source: string): string | undefined {
  const named = 'files.set(file.proto.name, file)';
  return source.includes(named) ? source.replace(named, `files.set(${fileName('file')}, file)`) : undefined;
}

/** Of what a message can contain, wrappers like `google.protobuf.BoolValue` are told by their names before their fields. */
export function lookAtNames(source: string): string | undefined {
  const first = 'const f = messageDesc.fields[0];';
  const name = 'isWrapperTypeName(messageDesc.typeName)';
  if (!source.includes(first) || !source.includes(name)) return undefined;
  return source.replace(first, `if (!${name}) return false; ${first}`);
}

function fileName(file: string): string {
  return `(${file}.name + '.proto')`;
}
