import type { FrameFault, FrameFormat, FrameKind } from '@sofamesh/contract/frame-format';
import type { LocalReply } from '@sofamesh/contract/message';
import { type CodecLimits, defaultCodecLimits } from '@sofamesh/contract/protocol';
import { holds } from './conditions.ts';
import { rebuild } from './editing.ts';
import { headerOf, layoutOf, partOf, specKindOf, visitHeaders } from './frame-parts.ts';
import { readId, writeId } from './id-place.ts';
import { type Codec, readCodec } from './read-codec.ts';
import type { Source } from './sources.ts';
import type { SpecKind } from './spec.ts';
import { SpecReader } from './spec-reader.ts';
import { httpStatusOf } from './statuses.ts';
import { fromTemplate, type Template } from './templates.ts';

/**
 * The format that a spec describes (`CodecSpec`; docs/declarative-codec.md). `where` is how faults name the spec: `codec.yaml`,
 * `plugins[2].declarative`. Throws `bad_codec_spec`, whose message has one line for each fault: path, value, reason.
 */
export function declarativeFormat(spec: unknown, where: string): FrameFormat {
  const reader = new SpecReader();
  const codec = readCodec(spec, where, reader);
  reader.finish();
  checkNames(codec!, where, reader);
  checkTemplates(codec!, where, reader);
  reader.finish();
  return formatOf(codec!);
}

function formatOf(codec: Codec): FrameFormat {
  const { heartbeat, heartbeatReply, goAway, timeout, applicationError, status } = codec;
  const id = codec.id;
  return {
    name: codec.name,
    pooling: codec.pooling,
    headBytes: Math.max(...[...codec.layouts.values()].map(({ head }) => head)),
    ...(codec.magic.length > 0 && { detect: (prefix) => comparedMagic(codec, prefix, 0, prefix.length) }),
    length: (bytes, at, end, limits) => measure(codec, bytes, at, end, limits),
    kind: (frame, limits) => kindOf(codec, frame, limits),
    readId: (frame) => readId(frame, id),
    writeId: (frame, newId) => writeId(frame, id, newId),
    ...(codec.service && { service: (frame) => nameIn(codec, codec.service!, frame) }),
    ...(codec.method && { method: (frame) => nameIn(codec, codec.method!, frame) }),
    ...(timeout && { timeoutMs: (frame) => timeoutOf(codec, frame) }),
    ...(status && {
      status: (reply) => status.field.read(reply),
      httpStatus: (native) => httpStatusOf(status, native),
    }),
    ...(applicationError && { applicationError: (reply) => failed(codec, reply) }),
    ...(codec.headers && { visitHeaders: (frame, visitor) => visitHeaders(codec, frame, visitor) }),
    body: (frame) => partOf(codec, frame, 'body'),
    rebuild: (frame, edits) => rebuild(codec, frame, edits),
    errorReply: (request, newId, reply) => errorReply(codec, request, newId, reply),
    ...(heartbeat && { heartbeat: (newId) => writeId(fromTemplate(heartbeat), id, newId) }),
    ...(heartbeatReply && {
      heartbeatReply: (asked) => writeId(fromTemplate(heartbeatReply, asked), id, readId(asked, id)),
    }),
    ...(goAway && { goAway: () => fromTemplate(goAway) }),
  };
}

function comparedMagic({ magic }: Codec, bytes: Buffer, at: number, end: number): 'match' | 'mismatch' | 'more' {
  let verdict: 'match' | 'more' = 'match';
  for (const each of magic) {
    const start = at + each.at;
    const have = Math.max(0, Math.min(each.bytes.length, end - start));
    if (have > 0 && each.bytes.compare(bytes, start, start + have, 0, have) !== 0) return 'mismatch';
    if (have < each.bytes.length) verdict = 'more';
  }
  return verdict;
}

function measure(codec: Codec, bytes: Buffer, at: number, end: number, limits: CodecLimits): number | FrameFault {
  const magic = comparedMagic(codec, bytes, at, end);
  if (magic === 'mismatch') {
    return { code: 'bad_magic', message: `a frame does not begin as one of ${codec.name}` };
  }
  const have = end - at;
  if (magic === 'more' || have < codec.kindBytes) return 0;
  const kind = specKindOf(codec, bytes, at);
  if (kind === undefined) return { code: 'bad_frame_type', message: 'a frame is of no kind that there is' };
  const layout = codec.layouts.get(kind)!;
  if (have < layout.head) return 0;
  if (layout.claimed('headers', bytes, at) > limits.headBytesMax) {
    return { code: 'head_too_large', message: 'the headers of a frame exceed the limit' };
  }
  const length = layout.measure(bytes, at);
  if (length >= layout.head) return length;
  return { code: 'bad_length', message: `a frame says that it has ${length} bytes, which is less than its head has` };
}

function kindOf(codec: Codec, frame: Buffer, limits: CodecLimits): FrameKind {
  const kind = specKindOf(codec, frame) ?? 'unreadable';
  if (kind !== 'request' && kind !== 'one-way') return kind;
  if (layoutOf(codec, frame)!.locate(frame) === undefined) return 'unreadable';
  if (codec.headers === undefined) return kind;
  const block = partOf(codec, frame, 'headers');
  const readable = block.length <= limits.headBytesMax && codec.headers.holds(block, limits.headerCountMax);
  return readable ? kind : 'unreadable';
}

function nameIn(codec: Codec, source: Source, frame: Buffer): string {
  switch (source.in) {
    case 'text':
      return source.text;
    case 'part':
      return partOf(codec, frame, source.name).toString();
    case 'header': {
      const value = headerOf(codec, frame, source.name) ?? '';
      const end = source.until === undefined ? -1 : value.indexOf(source.until);
      return end < 0 ? value : value.slice(0, end);
    }
    case 'number': {
      const number = source.field.read(frame);
      return source.names.get(number) ?? String(number);
    }
  }
}

function timeoutOf(codec: Codec, frame: Buffer): number {
  const { source, unitMs } = codec.timeout!;
  if (typeof source !== 'string') return source.read(frame) * unitMs;
  const text = headerOf(codec, frame, source) ?? '';
  return /^\d{1,10}$/.test(text) ? Number(text) * unitMs : 0;
}

function failed(codec: Codec, reply: Buffer): boolean {
  const how = codec.applicationError!;
  return 'header' in how ? headerOf(codec, reply, how.header) === how.value : holds(how, reply, 0);
}

function errorReply(codec: Codec, request: Buffer, id: number | bigint, reply: LocalReply): Buffer | undefined {
  if (specKindOf(codec, request) === 'one-way') return Buffer.alloc(0);
  if (codec.errorReply === undefined) return undefined;
  const { template, text, statuses } = codec.errorReply;
  let frame = fromTemplate(template, request);
  const status = statuses.of(reply);
  if (status !== undefined) codec.status!.field.write(frame, status);
  const layout = codec.layouts.get('reply')!;
  const bounds = text ? layout.locate(frame) : undefined;
  if (bounds !== undefined) {
    const body = new Map([[layout.indexOf('body'), Buffer.from(reply.body)]]);
    // Where the text is too long for the body's length, the status has to do.
    frame = layout.assemble(frame, bounds, body) ?? frame;
  }
  return writeId(frame, codec.id, id);
}

/** What is named must be there in every layout that is looked at for it. */
function checkNames(codec: Codec, where: string, reader: SpecReader): void {
  const has = (kind: SpecKind, part: string) => (codec.layouts.get(kind)?.indexOf(part) ?? 0) >= 0;
  const hasHeaders = [...codec.layouts.keys()].some((kind) => has(kind, 'headers'));
  if (codec.headers !== undefined && !hasHeaders) {
    reader.fault(`${where}.headers`, undefined, 'no layout has a part named headers');
  }
  const checkHeader = (path: string, name: string) => {
    if (codec.headers === undefined) reader.fault(path, name, 'there are no headers: say how in headers');
  };
  for (const field of ['service', 'method'] as const) {
    const source = codec[field];
    if (source?.in === 'header') checkHeader(`${where}.${field}.header`, source.name);
    if (source?.in !== 'part') continue;
    for (const kind of ['request', 'one-way'] as const) {
      if (!has(kind, source.name)) reader.fault(`${where}.${field}.part`, source.name, `a ${kind} has no such part`);
    }
  }
  if (typeof codec.timeout?.source === 'string') checkHeader(`${where}.timeout.header`, codec.timeout.source);
  const { applicationError, errorReply: answer } = codec;
  if (applicationError !== undefined && 'header' in applicationError) {
    checkHeader(`${where}.applicationError.header`, applicationError.header);
  }
  if (answer?.text && !has('reply', 'body')) {
    reader.fault(`${where}.errorReply.text`, true, 'a reply has no part named body');
  }
}

/** Frames of our own must be what they are meant to be. */
function checkTemplates(codec: Codec, where: string, reader: SpecReader): void {
  const kinds = {
    heartbeat: 'heartbeat',
    heartbeatReply: 'heartbeat-reply',
    goAway: 'go-away',
    errorReply: 'reply',
  } as const;
  for (const [field, wanted] of Object.entries(kinds) as [keyof typeof kinds, SpecKind][]) {
    const template: Template | undefined = field === 'errorReply' ? codec.errorReply?.template : codec[field];
    if (template === undefined) continue;
    const { bytes } = template;
    const fault = (reason: string) => reader.fault(`${where}.${field}.hex`, bytes.toString('hex'), reason);
    const length = measure(codec, bytes, 0, bytes.length, defaultCodecLimits);
    if (typeof length !== 'number') fault(`is no frame of this protocol: ${length.message}`);
    else if (length !== bytes.length) fault(`has ${bytes.length} bytes, and says that it has ${length || 'more'}`);
    else if (specKindOf(codec, bytes) !== wanted) fault(`is of kind ${specKindOf(codec, bytes)}, not ${wanted}`);
    else if (codec.layouts.get(wanted)!.locate(bytes) === undefined) fault('its parts do not fit into it');
  }
  for (const [word, status] of codec.errorReply?.statuses.byWord ?? []) {
    const { bytes } = codec.errorReply!.template;
    if (bytes.length < codec.layouts.get('reply')!.head || codec.status!.field.write(Buffer.from(bytes), status))
      continue;
    reader.fault(`${where}.errorReply.status.${word}`, status, 'has no room in the status of a reply');
  }
  if (codec.heartbeat !== undefined && !codec.layouts.has('heartbeat-reply')) {
    reader.fault(`${where}.kinds.heartbeat-reply`, undefined, 'needed to know the answer to a heartbeat of ours');
  }
  if (codec.layouts.has('heartbeat') && codec.heartbeatReply === undefined) {
    reader.fault(`${where}.heartbeatReply`, undefined, 'needed to answer heartbeats');
  }
}
