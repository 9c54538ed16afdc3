import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import { type Finding, formatFinding, formatPath, formatValue, type Remark } from '@sofamesh/model/finding';
import { valueAt } from '@sofamesh/model/path';
import { boolean, list, map, object, type Schema, string, text } from '@sofamesh/model/schema/build';
import { checkSchema } from '@sofamesh/model/schema/check';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';

/** What `up.yaml` says (examples/bookstore/up.yaml documents its fields), with defaults filled in. */
export interface UpSpec {
  /** Where `up.yaml` lies; programs run here. */
  readonly folder: string;
  /** Folders of Istio resources. */
  readonly configFolders: readonly string[];
  readonly workloads: readonly Workload[];
}

export interface Workload {
  readonly name: string;
  readonly namespace: string;
  /** Of 127.0.0.0/8. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string | undefined;
  /** Undefined: a sidecar alone. */
  readonly command: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly sidecar: boolean;
}

type WrittenWorkload = { readonly name: string } & Partial<Workload>;

interface WrittenSpec {
  readonly config?: string | readonly string[];
  readonly workloads: readonly WrittenWorkload[];
}

const loopbackPattern = '^127\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}$';

const workloadSchema: Schema = object(
  {
    name: text('dnsLabel'),
    namespace: text('dnsLabel'),
    address: { type: 'string', pattern: loopbackPattern },
    labels: map(text('labelValue'), 'labelKey'),
    serviceAccount: text('objectName'),
    command: list(string, { minItems: 1 }),
    env: map(string),
    sidecar: boolean,
  },
  { required: ['name'] },
);

const schema: Schema = object(
  { config: { anyOf: [string, list(string, { minItems: 1 })] }, workloads: list(workloadSchema, { minItems: 1 }) },
  { required: ['workloads'] },
);

const firstAddress = 11;
const handedOutMax = 254;

/** Reads `DIR/up.yaml`. Throws a CodedError whose message has a line for everything that is wrong with it. */
export function readUpSpec(folder: string): UpSpec {
  const file = join(folder, 'up.yaml');
  if (!existsSync(file)) {
    throw new CodedError('no_up_file', `${file}: there is no such file; it says what a mesh consists of`);
  }
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new CodedError('bad_up_file', `${file}:${line}:${col}: error: ${problem.message.split('\n')[0]}`);
  }
  const written = toPlain(document, file);
  let remarks: readonly Remark[] = checkSchema(schema, written, []);
  if (remarks.length === 0) remarks = contradictions(written as WrittenSpec, folder);
  if (remarks.length > 0) {
    const findings = remarks.map((remark) => formatFinding(findingOf(remark, file, document, lines, written)));
    throw new CodedError('bad_up_file', findings.join('\n'));
  }
  return specOf(written as WrittenSpec, folder);
}

function toPlain(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (thrown) {
    throw new CodedError('bad_up_file', `${file}: ${messageOf(thrown)}`);
  }
}

function findingOf(
  { level, path, reason }: Remark,
  file: string,
  document: Document,
  lines: LineCounter,
  written: unknown,
): Finding {
  // The nearest thing that is written: a field that is missing has no place of its own.
  let offset = 0;
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) {
      offset = node.range[0];
      break;
    }
  }
  const { line, col } = lines.linePos(offset);
  return {
    level,
    file,
    line,
    column: col,
    path: formatPath(path),
    value: formatValue(path, valueAt(written, path)),
    reason,
  };
}

/** What a schema cannot say. */
function contradictions(written: WrittenSpec, folder: string): Remark[] {
  const remarks: Remark[] = [];
  const error = (path: (string | number)[], reason: string) => remarks.push({ level: 'error', path, reason });
  const names = new Set<string>();
  const addresses = new Set<string>();
  for (const [at, { name, namespace = 'default', address, command, sidecar }] of written.workloads.entries()) {
    const full = `${name}.${namespace}`;
    if (names.has(full)) error(['workloads', at, 'name'], `repeats an earlier workload of namespace ${namespace}`);
    names.add(full);
    if (address !== undefined && addresses.has(address)) {
      error(['workloads', at, 'address'], 'is the address of an earlier workload');
    }
    if (address !== undefined) {
      if (address.split('.').some((part) => Number(part) > 255)) {
        error(['workloads', at, 'address'], 'is not an address of 127.0.0.0/8');
      }
      addresses.add(address);
    }
    if (command === undefined && sidecar === false) {
      error(['workloads', at], 'has neither a command nor a sidecar, so there is nothing to run');
    }
  }
  for (const [at, config] of configsOf(written).entries()) {
    const path = Array.isArray(written.config) ? ['config', at] : ['config'];
    if (!existsSync(resolve(folder, config))) error(path, `there is no folder ${resolve(folder, config)}`);
  }
  return remarks;
}

function configsOf({ config = 'config' }: WrittenSpec): readonly string[] {
  return typeof config === 'string' ? [config] : config;
}

function specOf(written: WrittenSpec, folder: string): UpSpec {
  const taken = new Set(written.workloads.map(({ address }) => address));
  let next = firstAddress;
  const handOut = () => {
    while (taken.has(`127.0.0.${next}`)) next++;
    if (next > handedOutMax) throw new CodedError('no_address', 'up.yaml: more workloads than addresses to hand out');
    return `127.0.0.${next++}`;
  };
  return {
    folder: resolve(folder),
    configFolders: configsOf(written).map((config) => (isAbsolute(config) ? config : resolve(folder, config))),
    workloads: written.workloads.map((workload) => ({
      name: workload.name,
      namespace: workload.namespace ?? 'default',
      address: workload.address ?? handOut(),
      labels: workload.labels ?? {},
      serviceAccount: workload.serviceAccount,
      command: workload.command,
      env: workload.env ?? {},
      sidecar: workload.sidecar ?? true,
    })),
  };
}
