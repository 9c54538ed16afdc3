import { checkAnnotationNames } from '../annotations/check.ts';
import { type Remark, Report } from '../finding.ts';
import type { Kind, ValidationContext } from '../kind.ts';
import { type KindName, kinds } from '../kinds/registry.ts';
import { deepFreeze, describeObject, type MeshObject, type Source } from '../object.ts';
import type { Path } from '../path.ts';
import type { Schema } from '../schema/build.ts';
import { checkSchema } from '../schema/check.ts';
import { checkInert } from '../schema/inert.ts';
import { nearestWord } from '../schema/nearest-word.ts';
import { withoutNulls } from '../schema/nulls.ts';
import { metadataOf, metadataSchema } from './metadata.ts';

/** What became of one value that should be a resource. */
export type Outcome =
  | { readonly what: 'object'; readonly object: MeshObject }
  /** It is of a kind that is read here, and wrong. `name`: which object it is (as `describeObject`), if that can be told. */
  | { readonly what: 'refused'; readonly name?: string }
  /** Nothing that is read here. */
  | { readonly what: 'ignored' };

export interface ResourceContext extends ValidationContext {
  readonly defaultNamespace: string;
}

const IGNORED: Outcome = { what: 'ignored' };
const REFUSED: Outcome = { what: 'refused' };

/** Judges one resource. Remarks have paths from the document's root; `base` is where the resource lies in it. */
export function readResource(
  value: unknown,
  base: Path,
  source: Source,
  context: ResourceContext,
  remarks: Remark[],
): Outcome {
  const report = new Report(remarks, base);
  if (!isFields(value)) {
    report.warn('is not a resource: it has no apiVersion and kind; ignored');
    return IGNORED;
  }
  const { apiVersion, kind: kindName } = value;
  if (apiVersion === undefined && kindName === undefined && !('metadata' in value && 'spec' in value)) {
    report.warn('is not a resource: it has no apiVersion and kind; ignored');
    return IGNORED;
  }
  if (typeof apiVersion !== 'string' || typeof kindName !== 'string') {
    if (typeof apiVersion !== 'string') report.at('apiVersion').error(missingText(apiVersion));
    if (typeof kindName !== 'string') report.at('kind').error(missingText(kindName));
    return REFUSED;
  }
  const kind = kinds.get(kindName as KindName);
  const apiVersions = kind === undefined ? [] : kind.versions.map((version) => apiVersionOf(kind, version));
  if (kind === undefined || !apiVersions.includes(apiVersion)) {
    return unknownKind(apiVersion, kindName, kind, report);
  }

  const before = remarks.length;
  const hasErrors = () => remarks.slice(before).some(({ level }) => level === 'error');
  const resource = withoutNulls(value, topLevel(kind)) as Record<string, unknown>;
  const spec = resource['spec'] ?? {};
  remarks.push(...checkSchema(topLevel(kind), { ...resource, spec }, base));
  const metadata = metadataOf(resource['metadata'], context.defaultNamespace);
  if (metadata === undefined) return REFUSED;
  const name = describeObject({ kind: kindName as KindName, metadata });
  if (hasErrors()) return { what: 'refused', name };

  const raw = { metadata, spec: spec as never };
  kind.validate(raw, report.at('spec'), context);
  const atAnnotations = report.at('metadata', 'annotations');
  checkAnnotationNames(metadata.annotations, kind, kinds.values(), atAnnotations);
  kind.validateAnnotations?.(raw, atAnnotations, context);
  remarks.push(...checkInert(kind.inert, spec, [...base, 'spec']));
  if (hasErrors()) return { what: 'refused', name };
  const object = { apiVersion, kind: kindName, metadata, spec: kind.applyDefaults(raw), source };
  return { what: 'object', object: deepFreeze(object) as MeshObject };
}

function apiVersionOf(kind: Kind, version: string): string {
  return kind.group === '' ? version : `${kind.group}/${version}`;
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** A slip in the name of a kind that is read is an error; another kind is somebody else's. */
function unknownKind(apiVersion: string, kindName: string, kind: Kind | undefined, report: Report): Outcome {
  const group = groupOf(apiVersion);
  if (kind !== undefined) {
    const near = group === kind.group || nearestWord(group, [kind.group]) !== undefined;
    if (near) {
      const versions = kind.versions.map((version) => apiVersionOf(kind, version));
      report.at('apiVersion').error(`must be ${versions.join(' or ')} for a ${kindName}`);
      return REFUSED;
    }
  } else {
    const ofGroup = [...kinds.values()]
      .filter((candidate) => candidate.group === group)
      .map((candidate) => candidate.kind);
    const near = nearestWord(kindName, ofGroup);
    if (near !== undefined) {
      report.at('kind').error(`is not a kind that exists; did you mean ${near}?`);
      return REFUSED;
    }
  }
  report.at('kind').warn(`is not read by this control plane (of ${apiVersion}); ignored`);
  return IGNORED;
}

function missingText(value: unknown): string {
  return value === undefined || value === null ? 'is required' : 'must be a text';
}

const topLevels = new WeakMap<Kind, Schema>();

function topLevel(kind: Kind): Schema {
  let schema = topLevels.get(kind);
  if (schema === undefined) {
    schema = {
      type: 'object',
      properties: { apiVersion: {}, kind: {}, metadata: metadataSchema, spec: kind.schema, status: {} },
      additionalProperties: false,
      required: ['metadata'],
    };
    topLevels.set(kind, schema);
  }
  return schema;
}

export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
