/** What a TLS client says about itself before anything is encrypted. */
export interface ClientHello {
  /** Lower case; empty without the extension. */
  readonly serverName: string;
  readonly alpn: readonly string[];
  /** Asks for an OCSP response. */
  readonly wantsStaple: boolean;
  /** Signature schemes (RFC 8446 §4.2.3) by number. */
  readonly signatureSchemes: readonly number[];
}

const handshakeRecord = 22;
const recordHeadBytes = 5;
const clientHello = 1;
const serverNameExtension = 0;
const statusRequestExtension = 5;
const signatureAlgorithmsExtension = 13;
const alpnExtension = 16;
/** Larger ones are not looked at (Envoy's limit). */
export const helloBytesMax = 16 * 1024;

/**
 * Reads a ClientHello (RFC 8446 §4.1.2) from the first bytes of a connection: `more` when it is not whole, `no` when
 * these are not the bytes of one, `too-large` beyond {@link helloBytesMax}. Never throws, whatever the bytes.
 *
 *     record:    type 1 | version 2 | length 2 | fragment
 *     handshake: type 1 | length 3 | version 2 | random 32 | session id 1+n | suites 2+n | compression 1+n | extensions 2+n
 */
export function readClientHello(bytes: Buffer): ClientHello | 'more' | 'no' | 'too-large' {
  if (fragmentBytes(bytes, 4) === 'no') return 'no';
  const start = joinRecords(bytes, 4);
  if (start.length > 0 && start[0] !== clientHello) return 'no';
  if (start.length < 4) return 'more';
  const length = start.readUIntBE(1, 3);
  if (length > helloBytesMax) return 'too-large';
  const total = fragmentBytes(bytes, 4 + length);
  if (total === 'no') return 'no';
  if (total < 4 + length) return 'more';
  return readBody(new Reader(joinRecords(bytes, 4 + length).subarray(4)));
}

/**
 * How many handshake bytes are there, in records whole or not, up to `wanted`: other records may follow a ClientHello at
 * once (early data). Nothing is copied, for this may be asked often.
 */
function fragmentBytes(bytes: Buffer, wanted: number): number | 'no' {
  let total = 0;
  for (let at = 0; at < bytes.length && total < wanted; ) {
    if (bytes[at] !== handshakeRecord || (at + 1 < bytes.length && bytes[at + 1] !== 3)) return 'no';
    if (at + recordHeadBytes > bytes.length) break;
    const end = at + recordHeadBytes + bytes.readUInt16BE(at + 3);
    total += Math.min(end, bytes.length) - at - recordHeadBytes;
    at = end;
  }
  return total;
}

/** The first handshake bytes, at most `length`; the records are known to be good. */
function joinRecords(bytes: Buffer, length: number): Buffer {
  const fragments: Buffer[] = [];
  let missing = length;
  for (let at = 0; missing > 0 && at + recordHeadBytes <= bytes.length; ) {
    const end = at + recordHeadBytes + bytes.readUInt16BE(at + 3);
    const fragment = bytes.subarray(at + recordHeadBytes, Math.min(end, at + recordHeadBytes + missing));
    fragments.push(fragment);
    missing -= fragment.length;
    at = end;
  }
  return fragments.length === 1 ? fragments[0]! : Buffer.concat(fragments);
}

function readBody(reader: Reader): ClientHello | 'no' {
  reader.skip(2 + 32);
  reader.skip(reader.number(1));
  reader.skip(reader.number(2));
  reader.skip(reader.number(1));
  let serverName = '';
  let wantsStaple = false;
  const alpn: string[] = [];
  const signatureSchemes: number[] = [];
  const extensions = reader.left > 0 ? reader.part(reader.number(2)) : new Reader(Buffer.alloc(0));
  while (extensions.left > 0 && !extensions.failed) {
    const type = extensions.number(2);
    const value = extensions.part(extensions.number(2));
    if (type === serverNameExtension) {
      const names = value.part(value.number(2));
      // The only name type there is: a host name.
      if (names.number(1) === 0) serverName = names.text(names.number(2)).toLowerCase();
      if (names.failed) return 'no';
    } else if (type === alpnExtension) {
      const names = value.part(value.number(2));
      while (names.left > 0 && !names.failed) alpn.push(names.text(names.number(1)));
      if (names.failed) return 'no';
    } else if (type === statusRequestExtension) {
      wantsStaple = true;
    } else if (type === signatureAlgorithmsExtension) {
      const schemes = value.part(value.number(2));
      while (schemes.left > 0 && !schemes.failed) signatureSchemes.push(schemes.number(2));
    }
  }
  return reader.failed || extensions.failed ? 'no' : { serverName, alpn, wantsStaple, signatureSchemes };
}

/** Reads numbers and parts; past the end it fails, and stays failed. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  failed = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(width: 1 | 2): number {
    if (!this.#takes(width)) return 0;
    return this.#bytes.readUIntBE(this.#at - width, width);
  }

  skip(length: number): void {
    this.#takes(length);
  }

  part(length: number): Reader {
    return new Reader(this.#takes(length) ? this.#bytes.subarray(this.#at - length, this.#at) : Buffer.alloc(0));
  }

  text(length: number): string {
    return this.#takes(length) ? this.#bytes.toString('latin1', this.#at - length, this.#at) : '';
  }

  #takes(length: number): boolean {
    if (length > this.left) this.failed = true;
    else this.#at += length;
    return !this.failed;
  }
}
