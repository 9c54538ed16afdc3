import { CodedError } from '@sofamesh/base/errors';
import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { ByteWriter, readUint16, readUint32 } from '../shared/byte-writer.ts';
import { BytesCache } from '../shared/bytes-cache.ts';
import { EditableHeaders, joined } from '../shared/editable-headers.ts';
import { readArguments } from './arguments.ts';
import { dialectOf } from './dialect.ts';
import { codecOf, FrameType, hasChecksum, hessian2Codec, shiftOf, stampId, typeOf } from './frame.ts';
import { keyIs, nameOf, newEntry, readEntry } from './header-block.ts';
import { findMethod } from './sofa-request.ts';
import { boltStatusOf, httpStatusOf, Status } from './status.ts';

/** sofa-bolt reads the length of the header block as a signed number. */
const headerBlockBytesMax = 0x7fff;

/** One for all: a block is walked in one go. */
const entry = newEntry();

/** What requests and responses have in common: a whole frame, its header block and its content. */
abstract class BoltHead extends EditableHeaders {
  protected readonly frame: Buffer;
  protected readonly headerStart: number;
  protected readonly headerEnd: number;
  protected readonly contentEnd: number;
  /** These very bytes belong to a connection now; the next one gets a copy. */
  #written = false;
  #newBody: Buffer | undefined = undefined;

  constructor(frame: Buffer, lengthsAt: number) {
    super();
    this.frame = frame;
    this.headerStart = lengthsAt + 8 + readUint16(frame, lengthsAt);
    this.headerEnd = this.headerStart + readUint16(frame, lengthsAt + 2);
    this.contentEnd = this.headerEnd + readUint32(frame, lengthsAt + 4);
  }

  get protocol(): string {
    return 'bolt';
  }

  get wholeBytes(): number {
    return this.frame.length;
  }

  get body(): Buffer {
    return this.#newBody ?? this.frame.subarray(this.headerEnd, this.contentEnd);
  }

  set body(body: Buffer | undefined) {
    this.#newBody = body ?? Buffer.alloc(0);
    this.bodyChanged();
  }

  /** What was read of the content is no longer true. */
  protected bodyChanged(): void {}

  /**
   * The frame with this id, to be passed to a connection: the received bytes in place the first time, a copy of them
   * after that, and encoded anew only where something was edited. Undefined when the headers became too long.
   */
  encode(id: number): Buffer | undefined {
    if (this.edits !== undefined || this.#newBody !== undefined) {
      const frame = this.#rebuild();
      return frame === undefined ? undefined : stampId(this.patched(frame), id);
    }
    if (!this.#written) {
      this.#written = true;
      return stampId(this.patched(this.frame), id);
    }
    return stampId(this.patched(Buffer.from(this.frame)), id);
  }

  /** A place to write edited fields of fixed size. */
  protected patched(frame: Buffer): Buffer {
    return frame;
  }

  protected receivedValue(name: string): string | undefined {
    let value: string | undefined;
    for (let at = this.headerStart; at < this.headerEnd; at = entry.next) {
      if (!readEntry(this.frame, at, this.headerEnd, entry)) break;
      if (entry.isNull || !keyIs(this.frame, entry, name)) continue;
      const text = this.frame.toString('utf8', entry.valueStart, entry.valueEnd);
      value = value === undefined ? text : `${value},${text}`;
    }
    return value;
  }

  protected visitReceived(visitor: (name: string, value: string) => void): void {
    // An entry of its own: the visitor may look up other headers.
    const each = newEntry();
    for (let at = this.headerStart; at < this.headerEnd; at = each.next) {
      if (!readEntry(this.frame, at, this.headerEnd, each)) return;
      if (each.isNull) continue;
      visitor(nameOf(this.frame, each), this.frame.toString('utf8', each.valueStart, each.valueEnd));
    }
  }

  #rebuild(): Buffer | undefined {
    const frame = this.frame;
    const block = this.edits === undefined ? frame.subarray(this.headerStart, this.headerEnd) : this.#editedBlock();
    if (block.length > Math.max(headerBlockBytesMax, this.headerEnd - this.headerStart)) return undefined;
    const body = this.#newBody ?? frame.subarray(this.headerEnd, this.contentEnd);
    const contentStart = this.headerStart + block.length;
    const rebuilt = Buffer.allocUnsafe(contentStart + body.length + (hasChecksum(frame) ? 4 : 0));
    frame.copy(rebuilt, 0, 0, this.headerStart);
    block.copy(rebuilt, this.headerStart);
    body.copy(rebuilt, contentStart);
    const lengthsAt = (typeOf(frame) === FrameType.response ? 12 : 14) + 2 * shiftOf(frame);
    rebuilt.writeUInt16BE(block.length, lengthsAt + 2);
    rebuilt.writeUInt32BE(body.length, lengthsAt + 4);
    return rebuilt;
  }

  /** Entries that nobody edited keep their bytes, the case of their names and nulls included. */
  #editedBlock(): Buffer {
    const writer = new ByteWriter(this.headerEnd - this.headerStart + 256);
    const done = new Set<string>();
    for (let at = this.headerStart; at < this.headerEnd; at = entry.next) {
      if (!readEntry(this.frame, at, this.headerEnd, entry)) break;
      const name = nameOf(this.frame, entry);
      const edit = this.editOf(name);
      if (edit === undefined) {
        writer.copy(this.frame, at, entry.next);
        continue;
      }
      if (done.has(name)) continue;
      done.add(name);
      const key = this.frame.toString('utf8', entry.keyStart, entry.keyEnd);
      const end = entry.next;
      const value = joined(edit, edit.keepsReceived ? this.receivedValue(name) : undefined);
      entry.next = end;
      if (value !== undefined) writeEntry(writer, key, value);
    }
    for (const edit of this.edits ?? []) {
      const value = done.has(edit.name) ? undefined : joined(edit, undefined);
      if (value !== undefined) writeEntry(writer, edit.name, value);
    }
    return writer.finish();
  }
}

function writeEntry(writer: ByteWriter, key: string, value: string): void {
  writer.uint32(Buffer.byteLength(key));
  writer.utf8(key);
  writer.uint32(Buffer.byteLength(value));
  writer.utf8(value);
}

/** `com.x.Users:1.0:blue` is the interface, its version and the unique id that tells two of the same apart. */
interface ServiceName {
  readonly authority: string;
  readonly version: string | undefined;
  readonly group: string | undefined;
}

function parseService(text: string): ServiceName {
  const [authority = '', version, group] = text.split(':', 3);
  return { authority, version: version || undefined, group: group || undefined };
}

const services = new BytesCache((bytes, start, end) => parseService(bytes.toString('utf8', start, end)));
const paths = new BytesCache((bytes, start, end) => `/${bytes.toString('utf8', start, end)}`);

const targetServiceKey = 'sofa_head_target_service';
const serviceKey = 'service';
const methodKey = 'sofa_head_method_name';

/** The names of headers that are not in the block but follow from the service's name. */
function isDerived(name: string): name is 'version' | 'group' {
  return name === 'version' || name === 'group';
}

/** A call as routes and filters see it; docs/rpc-as-http.md has the mapping. */
export class BoltRequestHead extends BoltHead implements RequestHead {
  method = 'POST';
  readonly oneWay: boolean;
  /** Of the values that routing needs, where they lie; 0 when they are not there. */
  #targetStart = 0;
  #targetEnd = 0;
  #serviceStart = 0;
  #serviceEnd = 0;
  #methodStart = 0;
  #methodEnd = 0;
  /** Bit n: a key has n bytes, or n and a multiple of 32. Most headers that are asked for are not there. */
  #keyLengths = 0;
  /** What is asked for again and again, as long as nothing was edited. */
  #receivedAuthority: string | undefined = undefined;
  #receivedPath: string | undefined = undefined;
  #arguments: readonly (string | undefined)[] | undefined = undefined;

  readonly #light: boolean;

  /** A whole frame. Nothing else of the head may be used before {@link index} has said true, unless it is a light one. */
  constructor(frame: Buffer, light = false) {
    super(frame, 14 + 2 * shiftOf(frame));
    this.#light = light;
    this.oneWay = typeOf(frame) === FrameType.oneWay;
  }

  /** Walks the header block once: false when it is broken or has more than `entriesMax` entries. */
  index(entriesMax: number): boolean {
    const frame = this.frame;
    let count = 0;
    for (let at = this.headerStart; at < this.headerEnd; at = entry.next) {
      if (!readEntry(frame, at, this.headerEnd, entry) || ++count > entriesMax) return false;
      if (entry.isNull) continue;
      const keyLength = entry.keyEnd - entry.keyStart;
      this.#keyLengths |= 1 << (keyLength & 31);
      switch (keyLength) {
        case targetServiceKey.length:
          if (!keyIs(frame, entry, targetServiceKey)) break;
          this.#targetStart = entry.valueStart;
          this.#targetEnd = entry.valueEnd;
          break;
        case methodKey.length:
          if (!keyIs(frame, entry, methodKey)) break;
          this.#methodStart = entry.valueStart;
          this.#methodEnd = entry.valueEnd;
          break;
        case serviceKey.length:
          if (!keyIs(frame, entry, serviceKey)) break;
          this.#serviceStart = entry.valueStart;
          this.#serviceEnd = entry.valueEnd;
      }
    }
    return true;
  }

  get scheme(): string {
    return 'bolt';
  }

  get upgrade(): undefined {
    return undefined;
  }

  get dialect(): number {
    return codecOf(this.frame) === hessian2Codec ? dialectOf(this.frame, this.headerEnd, this.contentEnd) : 0;
  }

  get timeoutMs(): number {
    const at = 10 + 2 * shiftOf(this.frame);
    const timeoutMs = readUint32(this.frame, at) | 0;
    return timeoutMs > 0 ? timeoutMs : 0;
  }

  get authority(): string {
    if (this.edits !== undefined) return this.#service().authority;
    this.#receivedAuthority ??= this.#service().authority;
    return this.#receivedAuthority;
  }

  /** Changes the interface in the headers that name the service; version and unique id stay. */
  set authority(authority: string) {
    if (authority === this.authority) return;
    const present = [targetServiceKey, serviceKey].filter((key) => this.get(key) !== undefined);
    for (const key of present.length > 0 ? present : [serviceKey]) {
      const before = this.get(key) ?? '';
      const colon = before.indexOf(':');
      this.set(key, colon < 0 ? authority : authority + before.slice(colon));
    }
  }

  get path(): string {
    const edited = this.editOf(methodKey);
    if (edited !== undefined) return `/${this.get(methodKey) ?? ''}`;
    this.#receivedPath ??= this.#readPath();
    return this.#receivedPath;
  }

  /** Changes the header that names the method; the content, where hessian2 has the name once more, stays. */
  set path(path: string) {
    if (path !== this.path) this.set(methodKey, path.startsWith('/') ? path.slice(1) : path);
  }

  /** In hessian2; of longer contents none is read. */
  argument(index: number): string | undefined {
    if (this.#light || codecOf(this.frame) !== hessian2Codec) return undefined;
    this.#arguments ??= readArguments(this.body);
    return this.#arguments[index];
  }

  protected override bodyChanged(): void {
    this.#arguments = undefined;
  }

  protected override receivedValue(name: string): string | undefined {
    if (this.#light || (this.#keyLengths & (1 << (name.length & 31))) === 0) return undefined;
    return super.receivedValue(name);
  }

  protected override visitReceived(visitor: (name: string, value: string) => void): void {
    if (!this.#light) super.visitReceived(visitor);
  }

  override get(name: string): string | undefined {
    const value = super.get(name);
    if (value !== undefined || !isDerived(name) || this.editOf(name) !== undefined) return value;
    return this.#service()[name];
  }

  override visit(visitor: (name: string, value: string) => void): void {
    for (const name of ['version', 'group'] as const) {
      const value = super.get(name) === undefined ? this.get(name) : undefined;
      if (value !== undefined) visitor(name, value);
    }
    super.visit(visitor);
  }

  #readPath(): string {
    if (this.#light) return '/';
    if (this.#methodStart === 0) this.#lookIntoContent();
    return paths.read(this.frame, this.#methodStart, this.#methodEnd);
  }

  #lookIntoContent(): void {
    const hessian = codecOf(this.frame) === hessian2Codec;
    const method = hessian ? findMethod(this.frame, this.headerEnd, this.contentEnd) : undefined;
    // An empty text is what is left, and not looked for again.
    this.#methodStart = method?.start ?? this.headerEnd;
    this.#methodEnd = method?.end ?? this.headerEnd;
  }

  #service(): ServiceName {
    if (this.edits !== undefined) return parseService(super.get(targetServiceKey) ?? super.get(serviceKey) ?? '');
    return this.#targetStart > 0
      ? services.read(this.frame, this.#targetStart, this.#targetEnd)
      : services.read(this.frame, this.#serviceStart, this.#serviceEnd);
  }
}

export class BoltResponseHead extends BoltHead implements ResponseHead {
  #status: number;

  constructor(frame: Buffer) {
    super(frame, 12 + 2 * shiftOf(frame));
    this.#status = this.#wireStatus();
  }

  /** bolt's own status. */
  get nativeStatus(): number {
    return this.#status;
  }

  get status(): number {
    return httpStatusOf(this.#status);
  }

  set status(status: number) {
    if (status !== this.status) this.#status = boltStatusOf(status);
  }

  get applicationError(): boolean {
    return this.#status === Status.success && this.get('sofa_head_response_error') === 'true';
  }

  protected override patched(frame: Buffer): Buffer {
    if (this.#status !== this.#wireStatus()) frame.writeUInt16BE(this.#status, 10 + 2 * shiftOf(frame));
    return frame;
  }

  #wireStatus(): number {
    return readUint16(this.frame, 10 + 2 * shiftOf(this.frame));
  }
}

/** Heads of another protocol have no frame to relay; turning one protocol into another is a filter's work. */
export function foreignHead(protocol: string): CodedError {
  return new CodedError('foreign_head', `a bolt connection cannot carry a head of ${protocol}`);
}
