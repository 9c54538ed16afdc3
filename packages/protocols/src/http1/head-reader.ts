import type { CodecLimits } from '@sofamesh/contract/protocol';
import {
  COLON,
  CR,
  DEL,
  HTAB,
  LF,
  lowerOctet,
  octetClass,
  SP,
  targetOctet,
  tokenOctet,
  upperOctet,
  valueOctet,
} from '../shared/octets.ts';
import { type Http1Fault, printOctet, refused } from './fault.ts';
import { fieldKind, fieldWidth } from './field-index.ts';

export type HeadShape = 'request' | 'response' | 'trailers';

/** Outcome of {@link HeadReader.read}. */
export const headIncomplete = 0;
export const headComplete = 1;
export const headRefused = 2;
export type HeadOutcome = typeof headIncomplete | typeof headComplete | typeof headRefused;

// Where the state machine stands.
const inMethod = 0;
const inTarget = 1;
const inVersion = 2;
const inStatus = 3;
const inReason = 4;
const atLineFeed = 5;
const atField = 6;
const inName = 7;
const beforeValue = 8;
const inValue = 9;
const atValueLineFeed = 10;
const atLastLineFeed = 11;

const firstPhase = { request: inMethod, response: inVersion, trailers: atField } as const;

/** `HTTP/`; a digit, `.` and a digit follow. */
const versionPrefix = [0x48, 0x54, 0x54, 0x50, 0x2f];
const versionLength = 8;
const noBytes = Buffer.alloc(0);

/**
 * Reads one start line with its fields (or the fields of a trailer section) and checks every octet on the way:
 *
 *     GET /a?b HTTP/1.1 CRLF   name ":" OWS value OWS CRLF  …  CRLF
 *     HTTP/1.1 200 OK CRLF     name ":" OWS value OWS CRLF  …  CRLF
 *
 * No octet is looked at twice, however the bytes are cut: the state machine stops at the end of a chunk and goes on with
 * the next one. What it finds are offsets; nothing is decoded here (RFC 9112 §2–§5 without its leniencies, but for one
 * empty line before a request).
 *
 * A head that is whole in its chunk is not copied. Else it is collected in a buffer that doubles. Results stay until the
 * next call of {@link read}.
 */
export class HeadReader {
  readonly #shape: HeadShape;
  readonly #keepsCase: boolean;
  readonly #bytesMax: number;
  readonly #fieldsMax: number;
  #phase: number;
  #at = 0;
  #held = 0;
  /** CR (1) or CR LF (2) came before the request line. */
  #blank = 0;
  #versionStart = 0;
  #digits = 0;
  #count = 0;
  #classes = 0;
  #nameStart = 0;
  #nameEnd = 0;
  #valueStart = 0;

  /** Holds the head from 0 to {@link end}. */
  bytes: Buffer = noBytes;
  end = 0;
  /** Where reading goes on in the chunk that was passed last. */
  position = 0;
  methodEnd = 0;
  targetEnd = 0;
  majorVersion = 0;
  minorVersion = 0;
  status = 0;
  /** Where the first field, or the empty line, begins. */
  fieldsStart = 0;
  /** See field-index.ts. The array is used again by the next head. */
  readonly fields: number[] = [];
  fieldsLength = 0;
  /** A bit (`1 << kind`) for each kind of field that occurred, and for each that occurred more than once. */
  kinds = 0;
  repeatedKinds = 0;
  fault: Http1Fault | undefined = undefined;

  /** `keepsCase`: names of fields stay as they were spelled; else they are lower case from here on. */
  constructor(shape: HeadShape, limits: CodecLimits, keepsCase: boolean) {
    this.#shape = shape;
    this.#keepsCase = keepsCase;
    this.#bytesMax = limits.headBytesMax;
    this.#fieldsMax = limits.headerCountMax;
    this.#phase = firstPhase[shape];
  }

  get keepsCase(): boolean {
    return this.#keepsCase;
  }

  /** Octets of a head that has begun and is not whole. */
  get held(): number {
    return this.#held;
  }

  /** Takes the incomplete head out, to be read by somebody else. */
  takeHeld(): Buffer {
    const held = this.#blank === 1 ? Buffer.of(CR) : this.bytes.subarray(0, this.#held);
    this.#begin();
    return held;
  }

  /**
   * Lets go of a head that was read: its bytes share memory with those of other connections, all of which would stay as
   * long as one of them is idle.
   */
  forget(): void {
    this.bytes = noBytes;
  }

  /** Reads on from `from`; {@link position} tells how far it came. */
  read(chunk: Buffer, from: number): HeadOutcome {
    let at = from;
    let outcome: HeadOutcome;
    if (this.#held === 0) {
      if (this.#shape === 'request' && this.#blank < 2 && (at = this.#skipBlank(chunk, at)) < 0) return headRefused;
      this.position = at;
      if (at === chunk.length) return headIncomplete;
      this.#begin();
      this.bytes = at === 0 ? chunk : chunk.subarray(at);
      outcome = this.#scan(Math.min(this.bytes.length, this.#bytesMax));
      this.position = at + this.end;
      if (outcome === headIncomplete) {
        this.position = chunk.length;
        this.#append(this.bytes, 0, this.bytes.length);
      }
    } else {
      const before = this.#held;
      const taken = Math.min(chunk.length - at, this.#bytesMax - before);
      this.#append(chunk, at, taken);
      outcome = this.#scan(this.#held);
      this.position = outcome === headIncomplete ? at + taken : at + this.end - before;
    }
    if (outcome !== headIncomplete) {
      this.#held = 0;
      this.#blank = 0;
    }
    return outcome;
  }

  #begin(): void {
    this.#phase = firstPhase[this.#shape];
    this.#at = 0;
    this.#held = 0;
    this.#count = 0;
    this.#classes = 0;
    this.#nameStart = 0;
    this.fieldsStart = 0;
    this.fieldsLength = 0;
    this.kinds = 0;
    this.repeatedKinds = 0;
  }

  #append(chunk: Buffer, from: number, length: number): void {
    const needed = this.#held + length;
    if (this.#held === 0 || needed > this.bytes.length) {
      const room = Buffer.allocUnsafeSlow(Math.min(Math.max(512, needed * 2), this.#bytesMax));
      this.bytes.copy(room, 0, 0, this.#held);
      this.bytes = room;
    }
    chunk.copy(this.bytes, this.#held, from, from + length);
    this.#held = needed;
  }

  #skipBlank(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#blank === 0 && chunk[at] === CR) {
      this.#blank = 1;
      at++;
    }
    if (this.#blank === 1 && at < chunk.length) {
      if (chunk[at] !== LF) {
        this.#refuse(at, 'bare_cr', 'CR without LF before the request line');
        return -1;
      }
      this.#blank = 2;
      at++;
    }
    return at;
  }

  #scan(limit: number): HeadOutcome {
    const bytes = this.bytes;
    let phase = this.#phase;
    let at = this.#at;
    let octet = 0;
    /** Bits of all octets in names. */
    let classes = this.#classes;
    while (at < limit) {
      switch (phase) {
        case inMethod:
          while (at < limit && octetClass[bytes[at]!]! & tokenOctet) at++;
          if (at === limit) break;
          if (bytes[at] !== SP || at === 0) return this.#badOctet(at, 'bad_method', 'method');
          this.methodEnd = at++;
          phase = inTarget;
          break;
        case inTarget:
          while (at < limit && octetClass[bytes[at]!]! & targetOctet) at++;
          if (at === limit) break;
          if (bytes[at] !== SP || at === this.methodEnd + 1) return this.#badOctet(at, 'bad_target', 'request target');
          this.targetEnd = at++;
          this.#versionStart = at;
          phase = inVersion;
          break;
        case inVersion: {
          const start = this.#shape === 'request' ? this.#versionStart : 0;
          while (at < limit && at - start < versionLength) {
            if (!isVersionOctet(bytes[at]!, at - start)) return this.#badOctet(at, 'bad_version', 'version');
            at++;
          }
          if (at === limit) break;
          this.majorVersion = bytes[start + 5]! - 0x30;
          this.minorVersion = bytes[start + 7]! - 0x30;
          if (bytes[at] !== (this.#shape === 'request' ? CR : SP)) return this.#badOctet(at, 'bad_version', 'version');
          at++;
          this.status = 0;
          this.#digits = 0;
          phase = this.#shape === 'request' ? atLineFeed : inStatus;
          break;
        }
        case inStatus: {
          octet = bytes[at]!;
          if (this.#digits < 3) {
            if (octet < 0x30 || octet > 0x39) return this.#badOctet(at, 'bad_status_line', 'status');
            this.status = this.status * 10 + octet - 0x30;
            this.#digits++;
          } else if (octet === SP) phase = inReason;
          else if (octet === CR) phase = atLineFeed;
          else return this.#badOctet(at, 'bad_status_line', 'status');
          at++;
          break;
        }
        case inReason:
          while (at < limit && octetClass[bytes[at]!]! & valueOctet) at++;
          if (at === limit) break;
          if (bytes[at] !== CR) return this.#badOctet(at, 'bad_status_line', 'reason');
          at++;
          phase = atLineFeed;
          break;
        case atLineFeed:
          if (bytes[at] !== LF) return this.#badOctet(at, 'bare_cr', 'start line');
          this.fieldsStart = ++at;
          phase = atField;
          break;
        case atField:
          if (bytes[at] === CR) {
            at++;
            phase = atLastLineFeed;
            break;
          }
          if (bytes[at] === SP || bytes[at] === HTAB) return this.#refuse(at, 'obs_fold', 'folded field line');
          if (this.#count++ === this.#fieldsMax) return this.#tooMany(at);
          this.#nameStart = at;
          phase = inName;
          break;
        case inName:
          while (at < limit && (octet = octetClass[bytes[at]!]!) & tokenOctet) {
            classes |= octet;
            at++;
          }
          if (at === limit) break;
          if (bytes[at] !== COLON || at === this.#nameStart) return this.#badOctet(at, 'bad_header_name', 'field name');
          this.#nameEnd = at++;
          phase = beforeValue;
          break;
        case beforeValue:
          while (at < limit && (bytes[at] === SP || bytes[at] === HTAB)) at++;
          this.#valueStart = at;
          if (at < limit) phase = inValue;
          break;
        case inValue:
          while (at < limit && ((octet = bytes[at]!) >= SP ? octet !== DEL : octet === HTAB)) at++;
          if (at === limit) break;
          if (octet !== CR) return this.#badOctet(at, 'bad_header_value', 'field value');
          this.#addField(at++);
          phase = atValueLineFeed;
          break;
        case atValueLineFeed:
          if (bytes[at] !== LF) return this.#badOctet(at, 'bare_cr', 'field line');
          at++;
          phase = atField;
          break;
        default:
          if (bytes[at] !== LF) return this.#badOctet(at, 'bare_cr', 'last line of the head');
          this.end = at + 1;
          if (classes & upperOctet && !this.#keepsCase) this.#lowerNames();
          return headComplete;
      }
    }
    this.#phase = phase;
    this.#at = at;
    this.#classes = classes;
    if (limit < this.#bytesMax) return headIncomplete;
    this.end = at;
    this.fault =
      phase === inTarget
        ? refused('target_too_long', `request target of more than ${this.#bytesMax} bytes`, 414)
        : refused('head_too_large', `head of more than ${this.#bytesMax} bytes`, 431);
    return headRefused;
  }

  /** Once, when the head is whole: then whoever reads or copies a name has nothing to do. */
  #lowerNames(): void {
    const { bytes, fields, fieldsLength } = this;
    for (let at = 0; at < fieldsLength; at += fieldWidth) {
      const end = fields[at + 2]!;
      for (let index = fields[at + 1]!; index < end; index++) bytes[index] = lowerOctet[bytes[index]!]!;
    }
  }

  #addField(lineEnd: number): void {
    const bytes = this.bytes;
    let valueEnd = lineEnd;
    while (valueEnd > this.#valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    const kind = fieldKind(bytes, this.#nameStart, this.#nameEnd);
    const fields = this.fields;
    const at = this.fieldsLength;
    fields[at] = kind;
    fields[at + 1] = this.#nameStart;
    fields[at + 2] = this.#nameEnd;
    fields[at + 3] = this.#valueStart;
    fields[at + 4] = valueEnd;
    this.fieldsLength = at + fieldWidth;
    const bit = 1 << kind;
    if (this.kinds & bit) this.repeatedKinds |= bit;
    else this.kinds |= bit;
  }

  #badOctet(at: number, code: string, where: string): HeadOutcome {
    const octet = this.bytes[at];
    if (octet === LF) return this.#refuse(at, 'bare_lf', `LF without CR in ${where}`);
    return this.#refuse(at, code, `${printOctet(octet)} in ${where}`);
  }

  #refuse(at: number, code: string, what: string): HeadOutcome {
    this.end = at;
    this.fault = refused(code, `${what}, at octet ${at}`);
    return headRefused;
  }

  #tooMany(at: number): HeadOutcome {
    this.end = at;
    this.fault = refused('too_many_headers', `more than ${this.#fieldsMax} header fields`, 431);
    return headRefused;
  }
}

function isVersionOctet(octet: number, at: number): boolean {
  if (at < 5) return octet === versionPrefix[at];
  if (at === 6) return octet === 0x2e;
  return octet >= 0x30 && octet <= 0x39;
}
