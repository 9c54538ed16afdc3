import type { CodecLimits } from '@sofamesh/contract/protocol';
import { CR, hexValue, LF, octetClass, tokenOctet, valueOctet } from '../shared/octets.ts';
import { type Http1Fault, printOctet, refused } from './fault.ts';
import { type BodyKind, bodyUntilClose, bodyWithLength, chunkedBody, noBody } from './framing.ts';
import { HeadReader, headIncomplete, headRefused } from './head-reader.ts';

/** What {@link BodyReader.next} found. */
export const bodyNeedsMore = 0;
/** Octets `dataStart` to `dataEnd` of the chunk that was passed; more follow. */
export const bodyData = 1;
/** …and they were the last. */
export const bodyLastData = 2;
export const bodyEnd = 3;
/** The end, with the trailer section in `trailers`. */
export const bodyTrailers = 4;
export const bodyRefused = 5;
export type BodyStep =
  | typeof bodyNeedsMore
  | typeof bodyData
  | typeof bodyLastData
  | typeof bodyEnd
  | typeof bodyTrailers
  | typeof bodyRefused;

// Where a chunked body stands.
const inSize = 0;
const atExtensionName = 1;
const inExtensionName = 2;
const atExtensionValue = 3;
const inExtensionToken = 4;
const inQuoted = 5;
const inQuotedPair = 6;
const afterQuoted = 7;
const atSizeLineFeed = 8;
const inData = 9;
const atDataReturn = 10;
const atDataLineFeed = 11;
const atTrailers = 12;
const atEndLineFeed = 13;
const inTrailers = 14;

const semicolon = 0x3b;
const equals = 0x3d;
const quote = 0x22;
const backslash = 0x5c;

/**
 * Finds the data of a body in the bytes of a connection, one piece at a time, so that the reader can stop between two.
 * Nothing is copied or collected but an incomplete trailer section.
 *
 *     size [ ";" name [ "=" value ] ]* CRLF data CRLF  …  "0" CRLF trailers CRLF     (RFC 9112 §7.1)
 *
 * Blanks around sizes and extensions are refused, as are octets that no grammar allows; extensions are dropped.
 */
export class BodyReader {
  readonly #limits: CodecLimits;
  readonly #lineMax: number;
  #kind: BodyKind = noBody;
  #phase = inSize;
  /** Of the body with length, or of the chunk. */
  #remaining = 0;
  #digits = 0;
  #line = 0;
  /** Octets of extensions in all size lines of the message: nobody needs many, and each costs work. */
  #extensions = 0;

  /** Where reading goes on after a step. */
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  fault: Http1Fault | undefined = undefined;
  /** Made when the first trailer section comes. */
  trailers: HeadReader | undefined = undefined;

  readonly #keepsCase: boolean;

  /** `keepsCase`: of names in trailers, see {@link HeadReader}. */
  constructor(limits: CodecLimits, keepsCase: boolean) {
    this.#limits = limits;
    this.#keepsCase = keepsCase;
    this.#lineMax = Math.max(16, Math.floor(limits.frameBytesMax / 512));
  }

  start(kind: BodyKind, length: number): void {
    this.#kind = kind;
    this.#remaining = kind === bodyWithLength ? length : 0;
    this.#phase = inSize;
    this.#digits = 0;
    this.#line = 0;
    this.#extensions = 0;
  }

  get kind(): BodyKind {
    return this.#kind;
  }

  /** Octets still to come where a length was given, else 0. */
  get remaining(): number {
    return this.#kind === bodyWithLength ? this.#remaining : 0;
  }

  /** Octets of a trailer section that has begun and is not whole. */
  get held(): number {
    return this.trailers === undefined ? 0 : this.trailers.held;
  }

  next(bytes: Buffer, from: number): BodyStep {
    const available = bytes.length - from;
    if (available === 0) return bodyNeedsMore;
    this.dataStart = from;
    switch (this.#kind) {
      case bodyWithLength: {
        const taken = Math.min(available, this.#remaining);
        this.#remaining -= taken;
        this.position = this.dataEnd = from + taken;
        return this.#remaining === 0 ? bodyLastData : bodyData;
      }
      case chunkedBody:
        return this.#nextChunked(bytes, from);
      case bodyUntilClose:
        this.position = this.dataEnd = bytes.length;
        return bodyData;
      default:
        this.position = from;
        return bodyEnd;
    }
  }

  #nextChunked(bytes: Buffer, from: number): BodyStep {
    const limit = bytes.length;
    let at = from;
    while (at < limit) {
      const octet = bytes[at]!;
      switch (this.#phase) {
        case inData:
          return this.#data(bytes, at);
        case atDataReturn:
          if (octet !== CR) return this.#refuse(at, octet, 'after chunk data');
          this.#phase = atDataLineFeed;
          break;
        case atDataLineFeed:
          if (octet !== LF) return this.#refuse(at, octet, 'after chunk data');
          this.#phase = inSize;
          this.#digits = 0;
          this.#line = 0;
          break;
        case atTrailers:
          if (octet !== CR) {
            this.#phase = inTrailers;
            return this.#readTrailers(bytes, at);
          }
          this.#phase = atEndLineFeed;
          break;
        case atEndLineFeed:
          if (octet !== LF) return this.#refuse(at, octet, 'after the last chunk');
          this.position = at + 1;
          return bodyEnd;
        case inTrailers:
          return this.#readTrailers(bytes, at);
        default:
          if (!this.#sizeLine(octet)) return this.#refuse(at, octet, 'in a chunk size line');
          if (++this.#line > this.#lineMax || this.#extensions > this.#lineMax) return this.#tooLong(at);
      }
      at++;
    }
    this.position = at;
    return bodyNeedsMore;
  }

  #data(bytes: Buffer, from: number): BodyStep {
    const taken = Math.min(bytes.length - from, this.#remaining);
    const end = from + taken;
    this.#remaining -= taken;
    this.dataStart = from;
    this.dataEnd = end;
    this.position = end;
    if (this.#remaining > 0) return bodyData;
    this.#phase = atDataReturn;
    // The common last chunk right behind: one call instead of two for whoever takes the data.
    if (endsHere(bytes, end)) {
      this.position = end + 7;
      return bodyLastData;
    }
    return bodyData;
  }

  /** One octet of `size *( ";" name [ "=" ( token / quoted-string ) ] ) CRLF`; false when it may not be there. */
  #sizeLine(octet: number): boolean {
    switch (this.#phase) {
      case inSize: {
        const digit = hexValue[octet]!;
        if (digit !== 255) {
          if (this.#digits++ === 0) this.#remaining = digit;
          else this.#remaining = this.#remaining * 16 + digit;
          return this.#digits <= 16 && this.#remaining <= Number.MAX_SAFE_INTEGER;
        }
        return this.#digits > 0 && this.#endOfPart(octet);
      }
      case atExtensionName:
        this.#phase = inExtensionName;
        return (octetClass[octet]! & tokenOctet) !== 0;
      case inExtensionName:
        if (octetClass[octet]! & tokenOctet) return true;
        if (octet !== equals) return this.#endOfPart(octet);
        this.#phase = atExtensionValue;
        return true;
      case atExtensionValue:
        this.#phase = octet === quote ? inQuoted : inExtensionToken;
        return octet === quote || (octetClass[octet]! & tokenOctet) !== 0;
      case inExtensionToken:
        return (octetClass[octet]! & tokenOctet) !== 0 || this.#endOfPart(octet);
      case inQuoted:
        if (octet === quote) this.#phase = afterQuoted;
        else if (octet === backslash) this.#phase = inQuotedPair;
        return (octetClass[octet]! & valueOctet) !== 0;
      case inQuotedPair:
        this.#phase = inQuoted;
        return (octetClass[octet]! & valueOctet) !== 0;
      case afterQuoted:
        return this.#endOfPart(octet);
      default:
        if (octet !== LF) return false;
        if (this.#digits > 0 && this.#line > this.#digits) this.#extensions += this.#line - this.#digits - 1;
        this.#phase = this.#remaining === 0 ? atTrailers : inData;
        return true;
    }
  }

  #endOfPart(octet: number): boolean {
    if (octet === CR) this.#phase = atSizeLineFeed;
    else if (octet === semicolon) this.#phase = atExtensionName;
    else return false;
    return true;
  }

  #readTrailers(bytes: Buffer, from: number): BodyStep {
    const reader = (this.trailers ??= new HeadReader('trailers', this.#limits, this.#keepsCase));
    const outcome = reader.read(bytes, from);
    this.position = reader.position;
    if (outcome === headIncomplete) return bodyNeedsMore;
    if (outcome !== headRefused) return bodyTrailers;
    this.fault = reader.fault;
    return bodyRefused;
  }

  #refuse(at: number, octet: number, where: string): BodyStep {
    this.position = at;
    this.fault =
      this.#phase === inSize && hexValue[octet] !== 255
        ? refused('bad_chunk', 'chunk size too large')
        : refused(octet === LF ? 'bare_lf' : 'bad_chunk', `${printOctet(octet)} ${where}`);
    return bodyRefused;
  }

  #tooLong(at: number): BodyStep {
    this.position = at;
    this.fault = refused('chunk_line_too_long', `chunk size line of more than ${this.#lineMax} bytes`, 400);
    return bodyRefused;
  }
}

/** CRLF `0` CRLF CRLF at `at`. */
function endsHere(bytes: Buffer, at: number): boolean {
  return (
    at + 7 <= bytes.length &&
    bytes[at] === CR &&
    bytes[at + 1] === LF &&
    bytes[at + 2] === 0x30 &&
    bytes[at + 3] === CR &&
    bytes[at + 4] === LF &&
    bytes[at + 5] === CR &&
    bytes[at + 6] === LF
  );
}
