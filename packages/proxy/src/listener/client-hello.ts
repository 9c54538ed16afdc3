/** What a TLS client says about itself before anything is encrypted. */
export interface ClientHello {
  /** Lower case; empty without the extension. */
  readonly serverName: string;
  readonly alpn: readonly string[];
}

const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const alpnExtension = 16;
/** Larger ones are not looked at. */
const helloBytesMax = 16 * 1024;

/**
 * Reads a ClientHello (RFC 8446 §4.1.2) from the first bytes of a connection: `more` when it is not whole, `no` when
 * these are not the bytes of one. Never throws, whatever the bytes.
 *
 *     record:    type 1 | version 2 | length 2 | fragment
 *     handshake: type 1 | length 3 | version 2 | random 32 | session id 1+n | suites 2+n | compression 1+n | extensions 2+n
 */
export function readClientHello(bytes: Buffer): ClientHello | 'more' | 'no' {
  const message = joinRecords(bytes);
  if (message === 'no') return 'no';
  if (message.length > 0 && message[0] !== clientHello) return 'no';
  if (message.length < 4) return 'more';
  const length = message.readUIntBE(1, 3);
  if (length > helloBytesMax) return 'no';
  if (message.length < 4 + length) return 'more';
  return readBody(new Reader(message.subarray(4, 4 + length)));
}

/** The handshake bytes of all records that are there, whole or not. */
function joinRecords(bytes: Buffer): Buffer | 'no' {
  const fragments: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== handshakeRecord || (at + 1 < bytes.length && bytes[at + 1] !== 3)) return 'no';
    if (at + 5 > bytes.length) break;
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    fragments.push(bytes.subarray(at + 5, end));
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
  const alpn: string[] = [];
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
    }
  }
  return reader.failed || extensions.failed ? 'no' : { serverName, alpn };
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
