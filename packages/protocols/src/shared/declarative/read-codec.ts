import { type Condition, type KindRules, readConditions, readKinds } from './conditions.ts';
import { HeaderEntries } from './header-entries.ts';
import type { IdPlace } from './id-place.ts';
import { type FieldPlace, fieldNames, type NumberField, readField } from './number-field.ts';
import { fixedHeadBytesMax, type Layouts, readLayouts } from './read-layout.ts';
import { readSource, type Source } from './sources.ts';
import type { SpecKind } from './spec.ts';
import type { SpecReader } from './spec-reader.ts';
import { type ReplyStatus, type ReplyStatuses, readReplyStatuses, readStatus } from './statuses.ts';
import { readTemplate, type Template } from './templates.ts';

/** A spec that was read: nothing in it is a name any more that has to be looked up. */
export interface Codec {
  readonly name: string;
  readonly pooling: 'multiplexed' | 'exclusive';
  readonly magic: readonly { readonly at: number; readonly bytes: Buffer }[];
  readonly kinds: KindRules;
  /** With so many bytes the kind is known. */
  readonly kindBytes: number;
  readonly id: IdPlace;
  /** For each kind that there is. */
  readonly layouts: Layouts;
  readonly headers: HeaderEntries | undefined;
  readonly service: Source | undefined;
  readonly method: Source | undefined;
  readonly timeout: Timeout | undefined;
  readonly status: ReplyStatus | undefined;
  readonly applicationError: ApplicationError | undefined;
  readonly heartbeat: Template | undefined;
  readonly heartbeatReply: Template | undefined;
  readonly goAway: Template | undefined;
  readonly errorReply: ErrorReply | undefined;
}

export interface Timeout {
  readonly source: NumberField | string;
  readonly unitMs: number;
}

export type ApplicationError = readonly Condition[] | { readonly header: string; readonly value: string };

export interface ErrorReply {
  readonly template: Template;
  readonly text: boolean;
  readonly statuses: ReplyStatuses;
}

const codecFields = [
  ...['name', 'pooling', 'byteOrder', 'magic', 'kinds', 'id', 'layout', 'headers', 'service', 'method', 'timeout'],
  ...['status', 'applicationError', 'heartbeat', 'heartbeatReply', 'goAway', 'errorReply'],
];

/** What is wrong is told to the reader; undefined where nothing can be made of it. */
export function readCodec(value: unknown, path: string, reader: SpecReader): Codec | undefined {
  const spec = reader.object(value, path, codecFields);
  if (spec === undefined) return undefined;
  const name = reader.text(spec['name'], `${path}.name`);
  if (name !== '' && !/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name)) {
    reader.fault(`${path}.name`, name, 'must be lower-case letters, digits and single dashes');
  }
  const pooling = reader.choice(spec['pooling'], `${path}.pooling`, ['multiplexed', 'exclusive'], 'multiplexed');
  const little = reader.choice(spec['byteOrder'], `${path}.byteOrder`, ['big', 'little'], 'big') === 'little';
  const layouts = readLayouts(spec['layout'], `${path}.layout`, reader, little);
  const headOf = (kinds: Iterable<SpecKind>) =>
    Math.min(fixedHeadBytesMax, ...[...kinds].map((kind) => layouts.get(kind)?.head ?? fixedHeadBytesMax));
  const placeOf = (...kinds: SpecKind[]): FieldPlace => ({ reader, little, head: headOf(kinds) });
  const kinds = readKinds(spec['kinds'], `${path}.kinds`, placeOf(...layouts.keys()));
  for (const [kind] of kinds) {
    if (!layouts.has(kind)) reader.fault(`${path}.layout`, kind, 'there is no layout for this kind');
  }
  const all = placeOf(...kinds.map(([kind]) => kind));
  const requests = placeOf(...kinds.map(([kind]) => kind).filter((kind) => kind === 'request' || kind === 'one-way'));
  const status = readStatus(spec['status'], `${path}.status`, placeOf('reply'));
  return {
    name,
    pooling,
    magic: readMagic(spec['magic'], `${path}.magic`, all),
    kinds,
    kindBytes: Math.max(0, ...kinds.flatMap(([, each]) => each.map(({ field }) => field.at + field.size))),
    id: readIdPlace(spec['id'], `${path}.id`, all, pooling === 'multiplexed'),
    layouts: new Map(kinds.flatMap(([kind]) => (layouts.has(kind) ? [[kind, layouts.get(kind)!]] : []))),
    headers: readHeaders(spec['headers'], `${path}.headers`, all),
    service: readSource(spec['service'], `${path}.service`, requests),
    method: readSource(spec['method'], `${path}.method`, requests),
    timeout: readTimeout(spec['timeout'], `${path}.timeout`, requests),
    status,
    applicationError: readApplicationError(spec['applicationError'], `${path}.applicationError`, placeOf('reply')),
    heartbeat: readTemplate(spec['heartbeat'], `${path}.heartbeat`, all),
    heartbeatReply: readTemplate(spec['heartbeatReply'], `${path}.heartbeatReply`, all),
    goAway: readTemplate(spec['goAway'], `${path}.goAway`, all),
    errorReply: readErrorReply(spec['errorReply'], `${path}.errorReply`, all, status),
  };
}

function readMagic(value: unknown, path: string, { reader, head }: FieldPlace): Codec['magic'] {
  if (value === undefined) return [];
  return reader.list(value).map((each, index) => {
    const eachPath = Array.isArray(value) ? `${path}[${index}]` : path;
    const spec = reader.object(each, eachPath, ['at', 'hex']) ?? {};
    const bytes = reader.hex(spec['hex'], `${eachPath}.hex`);
    return { at: reader.integer(spec['at'], `${eachPath}.at`, 0, Math.max(0, head - bytes.length), 0), bytes };
  });
}

function readIdPlace(value: unknown, path: string, place: FieldPlace, needed: boolean): IdPlace {
  const { reader, little, head } = place;
  const none: IdPlace = { at: 0, size: 0, little };
  if (value === undefined) {
    if (needed) reader.fault(path, value, 'needed to tell calls apart; without ids, pooling is exclusive');
    return none;
  }
  const spec = reader.object(value, path, ['at', 'size', 'byteOrder']);
  if (spec === undefined) return none;
  const { size = 4 } = spec;
  if (size !== 4 && size !== 8) {
    reader.fault(`${path}.size`, size, 'must be 4 or 8');
    return none;
  }
  const order = reader.choice(spec['byteOrder'], `${path}.byteOrder`, ['big', 'little'], little ? 'little' : 'big');
  const at = reader.integer(spec['at'], `${path}.at`, 0, Math.max(0, head - size));
  return { at, size, little: order === 'little' };
}

function readHeaders(value: unknown, path: string, { reader, little }: FieldPlace): HeaderEntries | undefined {
  const spec = value === undefined ? undefined : reader.object(value, path, ['key', 'value', 'nulls']);
  if (spec === undefined) return undefined;
  const key = reader.integer(spec['key'], `${path}.key`, 1, 4);
  const size = reader.integer(spec['value'], `${path}.value`, 1, 4);
  return new HeaderEntries(key, size, reader.boolean(spec['nulls'], `${path}.nulls`), little);
}

function readTimeout(value: unknown, path: string, place: FieldPlace): Timeout | undefined {
  const { reader } = place;
  const spec = value === undefined ? undefined : reader.object(value, path, ['header', 'unit', ...fieldNames]);
  if (spec === undefined) return undefined;
  const unitMs = reader.choice(spec['unit'], `${path}.unit`, ['ms', 's'], 'ms') === 's' ? 1000 : 1;
  if (spec['header'] === undefined) return { source: readField(spec, path, place), unitMs };
  return { source: reader.text(spec['header'], `${path}.header`).toLowerCase(), unitMs };
}

function readApplicationError(value: unknown, path: string, place: FieldPlace): ApplicationError | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || !('header' in value)) return readConditions(value, path, place);
  const { reader } = place;
  const spec = reader.object(value, path, ['header', 'is']) ?? {};
  const header = reader.text(spec['header'], `${path}.header`).toLowerCase();
  return { header, value: reader.text(spec['is'], `${path}.is`) };
}

function readErrorReply(
  value: unknown,
  path: string,
  place: FieldPlace,
  status: ReplyStatus | undefined,
): ErrorReply | undefined {
  const template = readTemplate(value, path, place, ['text', 'status']);
  if (template === undefined) return undefined;
  const spec = value as Readonly<Record<string, unknown>>;
  if (spec['status'] !== undefined && status === undefined) {
    place.reader.fault(`${path}.status`, spec['status'], 'the codec does not say where replies have their status');
  }
  return {
    template,
    text: place.reader.boolean(spec['text'], `${path}.text`),
    statuses: readReplyStatuses(spec['status'], `${path}.status`, place),
  };
}
