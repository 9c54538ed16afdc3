import { CodedError } from '@sofamesh/base/errors';
import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { ByteWriter, readUint32, writeUint32 } from '../shared/byte-writer.ts';
import { BytesCache } from '../shared/bytes-cache.ts';
import { EditableHeaders, joined } from '../shared/editable-headers.ts';
import { readScalar } from '../shared/hessian2/scalar.ts';
import { Hessian2Scanner } from '../shared/hessian2/scanner.ts';
import { decodeText, writeText } from '../shared/hessian2/text.ts';
import { Attachments, skipValues, walkAttachments, walked } from './attachments.ts';
import { readTexts } from './fastjson2.ts';
import { errorReply, Flag, headBytes, isTwoWay, Serialization, stampId } from './frame.ts';
import type { DubboSettings } from './settings.ts';
import { dubboStatusOf, httpStatusOf, Status } from './status.ts';

const noAttachments = new Attachments(Buffer.alloc(0), 0);

/** What requests and responses have in common: a whole frame whose body ends in a map of attachments. */
abstract class DubboHead extends EditableHeaders {
  protected frame: Buffer;
  protected readonly settings: DubboSettings;
  #attachments: Attachments | undefined = undefined;
  /** These very bytes belong to a connection now; the next one gets a copy. */
  #written = false;

  constructor(frame: Buffer, settings: DubboSettings) {
    super();
    this.frame = frame;
    this.settings = settings;
  }

  /** Position of the attachments, -1 when they cannot be found within so many bytes. */
  protected abstract attachmentsAt(bytesMax: number): number;
  /** The frame with all edits made. */
  protected abstract rebuilt(): Buffer;
  protected abstract readonly edited: boolean;

  get protocol(): string {
    return 'dubbo';
  }

  get wholeBytes(): number {
    return this.frame.length;
  }

  /** The whole body, attachments included. */
  get body(): Buffer {
    return this.frame.subarray(headBytes);
  }

  /** Edits of headers made before are made in the new body as well. */
  set body(body: Buffer | undefined) {
    this.frame = Buffer.concat([this.frame.subarray(0, headBytes), body ?? Buffer.alloc(0)]);
    writeUint32(this.frame, 12, this.frame.length - headBytes);
    this.#written = false;
    this.#attachments = undefined;
    this.bodyChanged();
  }

  protected abstract bodyChanged(): void;

  get serialization(): number {
    return this.frame[2]! & Flag.serialization;
  }

  /**
   * The frame with this id, to be passed to a connection: the received bytes in place the first time, a copy of them
   * after that, and encoded anew only where something was edited.
   */
  encode(high: number, low: number): Buffer {
    if (this.edited) return stampId(this.rebuilt(), high, low);
    if (this.#written) return stampId(Buffer.from(this.frame), high, low);
    this.#written = true;
    return stampId(this.frame, high, low);
  }

  protected get attachments(): Attachments {
    if (this.#attachments === undefined) {
      const at = this.attachmentsAt(this.settings.attachmentScanBytesMax);
      this.#attachments = at < 0 ? noAttachments : new Attachments(this.frame, at);
    }
    return this.#attachments;
  }

  protected receivedValue(name: string): string | undefined {
    return this.attachments.get(name);
  }

  protected visitReceived(visitor: (name: string, value: string) => void): void {
    this.attachments.visit(visitor);
  }

  /** Adds everything from `from` on, with the edits made to the attachments, and sets the length. */
  protected finish(writer: ByteWriter, from: number, skipped?: string): Buffer {
    const at = this.attachmentsAt(this.settings.attachmentScanBytesMax);
    const { attachments, frame } = this;
    if (this.edits === undefined || at < 0 || !attachments.readable) writer.copy(frame, from, frame.length);
    else {
      const map = attachments.edited(this.edits, skipped);
      writer.copy(frame, from, at);
      writer.copy(map, 0, map.length);
      writer.copy(frame, attachments.end, frame.length);
    }
    const rebuilt = writer.finish();
    writeUint32(rebuilt, 12, rebuilt.length - headBytes);
    return rebuilt;
  }
}

const scanner = new Hessian2Scanner();
const services = new BytesCache(decodeText);
const paths = new BytesCache((bytes, start, end) => `/${decodeText(bytes, start, end)}`);
const timeouts = new BytesCache((bytes, start, end) => millisecondsOf(readScalar(bytes, start, end)));

/** Any key may be there. */
const allLengths = -1;

/** A call as routes and filters see it; docs/rpc-as-http.md has the mapping. */
export class DubboRequestHead extends DubboHead implements RequestHead {
  method = 'POST';
  readonly oneWay: boolean;
  /** Where the texts before the arguments lie; the first position of each is that of its length. 0: not readable. */
  #pathAt = 0;
  #pathStart = 0;
  #versionAt = 0;
  #versionStart = 0;
  #versionEnd = 0;
  #methodAt = 0;
  #methodStart = 0;
  #typesAt = 0;
  #typesStart = 0;
  #argumentsAt = 0;
  /** 0: not looked for yet; -1: not to be found. */
  #attachmentsAt = 0;
  /** See `walked`; of the attachments, once a walk has told. */
  #keyLengths = allLengths;
  #newAuthority: string | undefined = undefined;
  #newMethod: string | undefined = undefined;
  /** What was received and is asked for again and again. */
  #authority: string | undefined = undefined;
  #path: string | undefined = undefined;

  /** A whole frame. Nothing else of the head may be used before {@link index} has said true. */
  constructor(frame: Buffer, settings: DubboSettings) {
    super(frame, settings);
    this.oneWay = !isTwoWay(frame);
  }

  /** Finds the texts before the arguments: false when they should be readable and are not. */
  index(): boolean {
    switch (this.serialization) {
      case Serialization.hessian2:
        return this.#indexHessian2();
      case Serialization.fastjson2:
        this.#indexFastjson2();
        return true;
      default:
        return true;
    }
  }

  get scheme(): string {
    return 'dubbo';
  }

  get upgrade(): undefined {
    return undefined;
  }

  /** Of the attachment `timeout`, which Dubbo 3 sends; not looked for behind very long arguments. */
  get timeoutMs(): number {
    return this.editOf('timeout') === undefined ? this.#receivedTimeoutMs() : millisecondsOf(this.get('timeout'));
  }

  get authority(): string {
    if (this.#newAuthority !== undefined) return this.#newAuthority;
    this.#authority ??= services.read(this.frame, this.#pathStart, this.#pathEnd);
    return this.#authority;
  }

  /** Changes the path, and the attachments that repeat it. */
  set authority(authority: string) {
    if (authority === this.authority) return;
    this.#newAuthority = authority;
    for (const name of ['path', 'interface']) if (this.get(name) !== undefined) this.set(name, authority);
  }

  get path(): string {
    if (this.#newMethod !== undefined) return `/${this.#newMethod}`;
    this.#path ??= paths.read(this.frame, this.#methodStart, this.#methodEnd);
    return this.#path;
  }

  set path(path: string) {
    if (path !== this.path) this.#newMethod = path.startsWith('/') ? path.slice(1) : path;
  }

  /** In hessian2; behind very long arguments none is looked for. */
  argument(index: number): string | undefined {
    const at = this.#argumentsAt;
    if (at === 0 || this.frame.length - at > this.settings.attachmentScanBytesMax) return undefined;
    if (index >= countArguments(this.frame, this.#typesStart, at)) return undefined;
    const start = skipValues(this.frame, at, index);
    const end = start < 0 ? -1 : skipValues(this.frame, at, index + 1);
    return end < 0 ? undefined : readScalar(this.frame, start, end);
  }

  protected override receivedValue(name: string): string | undefined {
    if (name === 'version') return this.#receivedVersion();
    return (this.#keyLengths & (1 << (name.length & 31))) === 0 ? undefined : super.receivedValue(name);
  }

  protected override visitReceived(visitor: (name: string, value: string) => void): void {
    const version = this.#receivedVersion();
    if (version !== undefined) visitor('version', version);
    super.visitReceived((name, value) => {
      if (name !== 'version') visitor(name, value);
    });
  }

  protected get edited(): boolean {
    return this.edits !== undefined || this.#newAuthority !== undefined || this.#newMethod !== undefined;
  }

  protected bodyChanged(): void {
    this.#pathAt = this.#pathStart = this.#versionAt = this.#versionStart = this.#versionEnd = 0;
    this.#methodAt = this.#methodStart = this.#typesAt = this.#typesStart = this.#argumentsAt = 0;
    this.#attachmentsAt = 0;
    this.#keyLengths = allLengths;
    this.#authority = this.#path = undefined;
    this.index();
  }

  protected attachmentsAt(bytesMax: number): number {
    if (this.#attachmentsAt !== 0) return this.#attachmentsAt;
    if (this.#argumentsAt === 0) this.#attachmentsAt = -1;
    else if (this.frame.length - this.#argumentsAt > bytesMax) return -1;
    else {
      const count = countArguments(this.frame, this.#typesStart, this.#argumentsAt);
      this.#attachmentsAt = count < 0 ? -1 : skipValues(this.frame, this.#argumentsAt, count);
    }
    return this.#attachmentsAt;
  }

  protected rebuilt(): Buffer {
    const frame = this.frame;
    const writer = new ByteWriter(frame.length + 256);
    // Without the texts (another serialization) there is nothing that could be changed.
    if (this.#argumentsAt === 0) return this.finish(writer, 0);
    writer.copy(frame, 0, this.#pathAt);
    if (this.#newAuthority === undefined) writer.copy(frame, this.#pathAt, this.#versionAt);
    else writeText(writer, this.#newAuthority);
    const version = this.editOf('version');
    if (version === undefined) writer.copy(frame, this.#versionAt, this.#methodAt);
    else writeText(writer, joined(version, this.#receivedVersion()) ?? '');
    if (this.#newMethod === undefined) writer.copy(frame, this.#methodAt, this.#typesAt);
    else writeText(writer, this.#newMethod);
    return this.finish(writer, this.#typesAt, 'version');
  }

  get #pathEnd(): number {
    return this.#versionAt;
  }

  get #methodEnd(): number {
    return this.#typesAt;
  }

  #receivedTimeoutMs(): number {
    const at = this.attachmentsAt(this.settings.timeoutScanBytesMax);
    if (at < 0) return 0;
    walkAttachments(this.frame, at, 'timeout');
    this.#keyLengths = walked.keyLengths;
    return walked.valueEnd === 0 ? 0 : timeouts.read(this.frame, walked.valueStart, walked.valueEnd);
  }

  #receivedVersion(): string | undefined {
    if (this.#versionEnd === this.#versionStart) return undefined;
    return services.read(this.frame, this.#versionStart, this.#versionEnd);
  }

  #indexHessian2(): boolean {
    scanner.begin(this.frame, headBytes, this.frame.length);
    const whole = this.#scanTexts();
    if (whole) this.#argumentsAt = scanner.at;
    scanner.release();
    return whole;
  }

  #scanTexts(): boolean {
    if (!scanner.text()) return false;
    this.#pathAt = scanner.at;
    if (!scanner.text()) return false;
    this.#pathStart = scanner.textStart;
    this.#versionAt = scanner.at;
    if (scanner.peek() === 0x4e) scanner.skipByte();
    else {
      if (!scanner.text()) return false;
      this.#versionStart = scanner.textStart;
      this.#versionEnd = scanner.textEnd;
    }
    this.#methodAt = scanner.at;
    if (!scanner.text()) return false;
    this.#methodStart = scanner.textStart;
    this.#typesAt = scanner.at;
    if (!scanner.text()) return false;
    this.#typesStart = scanner.textStart;
    return true;
  }

  /** Routing works for it as for hessian2; attachments and edits do not. */
  #indexFastjson2(): void {
    const texts = readTexts(this.frame, headBytes, 4);
    if (texts === undefined) return;
    const [, path, version, method] = texts;
    this.#pathStart = path!.start;
    this.#versionAt = path!.end;
    this.#versionStart = version!.start;
    this.#versionEnd = version!.end;
    this.#methodStart = method!.start;
    this.#typesAt = method!.end;
  }
}

/** Of a timeout as it was received; 0: there is none, or it makes no sense. */
function millisecondsOf(text: string | undefined): number {
  const ms = text === undefined ? 0 : Number(text);
  return ms > 0 && ms <= 0x7fff_ffff ? ms : 0;
}

/** Number of arguments that a descriptor such as `Ljava/lang/String;[I` stands for; -1 when it is none. */
export function countArguments(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) {
    const letter = bytes[at]!;
    // '['
    if (letter === 0x5b) {
      if (at + 1 === end) return -1;
      continue;
    }
    if (letter === 0x4c) {
      while (at < end && bytes[at] !== 0x3b) at++;
      if (at === end) return -1;
    } else if (!primitives.has(letter)) return -1;
    count++;
  }
  return count;
}

const primitives: ReadonlySet<number> = new Set(Buffer.from('VZBCDFIJS'));

export class DubboResponseHead extends DubboHead implements ResponseHead {
  #status: number;
  /** 0: not looked for yet; -1: not to be found. */
  #attachmentsAt = 0;

  constructor(frame: Buffer, settings: DubboSettings) {
    super(frame, settings);
    this.#status = frame[3]!;
  }

  /** Dubbo's own status. */
  get nativeStatus(): number {
    return this.#status;
  }

  get status(): number {
    return httpStatusOf(this.#status);
  }

  /** An error in place of a value has another form, so the body becomes a text. */
  set status(status: number) {
    if (status !== this.status) this.#status = dubboStatusOf(status);
  }

  get applicationError(): boolean {
    const kind = this.#status === Status.ok ? this.#kind() : -1;
    return kind === 0 || kind === 3;
  }

  protected get edited(): boolean {
    return this.edits !== undefined || this.#status !== this.frame[3];
  }

  protected bodyChanged(): void {
    this.#attachmentsAt = 0;
  }

  protected attachmentsAt(bytesMax: number): number {
    if (this.#attachmentsAt !== 0) return this.#attachmentsAt;
    const kind = this.frame[3] === Status.ok && this.serialization === Serialization.hessian2 ? this.#kind() : -1;
    if (kind < 3) this.#attachmentsAt = -1;
    else if (this.frame.length - headBytes > bytesMax) return -1;
    else this.#attachmentsAt = skipValues(this.frame, headBytes + 1, kind === 5 ? 0 : 1);
    return this.#attachmentsAt;
  }

  protected rebuilt(): Buffer {
    if (this.#status !== this.frame[3]) return errorReply(this.#status, `${this.status}|status was replaced`, 0, 0);
    return this.finish(new ByteWriter(this.frame.length + 256), 0);
  }

  /** What the body says it is (see frame.ts); -1 when that cannot be read. */
  #kind(): number {
    const frame = this.frame;
    let kind = -1;
    if (this.serialization === Serialization.hessian2 && frame.length > headBytes) kind = frame[headBytes]! - 0x90;
    // A length of two, then fastjson2's mark for a byte.
    if (this.serialization === Serialization.fastjson2 && frame.length > headBytes + 5) {
      if (readUint32(frame, headBytes) === 2 && frame[headBytes + 4] === 0xbd) kind = frame[headBytes + 5]!;
    }
    return kind >= 0 && kind <= 5 ? kind : -1;
  }
}

/** Heads of another protocol have no frame to relay; turning one protocol into another is a filter's work. */
export function foreignHead(protocol: string): CodedError {
  return new CodedError('foreign_head', `a Dubbo connection cannot carry a head of ${protocol}`);
}
