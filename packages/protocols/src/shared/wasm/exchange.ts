import { CodedError } from '@sofamesh/base/errors';

/**
 * What guest and proxy tell each other about one frame; all numbers are little-endian, as WebAssembly stores them:
 *
 *     u32  length of the header block
 *          header block: u32 length, name, u32 length, value; again for each header
 *     u8   flags: bit 6 request, bits 6 and 7 one-way request, neither: reply; with bit 5: heartbeat;
 *          to the guest also bit 0: there is another body
 *     u64  id
 *     u32  request: timeout in ms, 0 for none; reply: status, 0 for success
 *     u32  length of the frame as it came (what is to be drained of the input)
 *     u32  length of the raw bytes
 *          raw bytes: from the guest, the body as filters see it; to the guest, the frame as it came, and
 *          behind it the other body
 */
export interface WasmExchange {
  /** The block without its length. */
  readonly headers: Buffer;
  readonly flags: number;
  readonly id: number | bigint;
  readonly timeoutOrStatus: number;
  readonly drainBytes: number;
}

/** What a guest says of a frame. */
export interface DecodedFrame extends WasmExchange {
  readonly body: Buffer;
}

export const otherBodyFlag = 1 << 0;
export const heartbeatFlag = 1 << 5;
export const requestFlag = 1 << 6;
export const oneWayFlags = (1 << 6) | (1 << 7);

/** Where the fields lie behind the header block. */
const idAt = 1;
const timeoutOrStatusAt = 9;
const drainAt = 13;
const rawLengthAt = 17;
const rawAt = 21;
/** Names and values of one frame, with their lengths. */
export const headerBlockBytesMax = 64 * 1024;

/** Reads what a guest wrote; the result shares its bytes. Throws `bad_wasm_answer`. */
export function readExchange(bytes: Buffer): DecodedFrame {
  const blockBytes = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
  if (blockBytes > headerBlockBytesMax) throw nonsense(`has ${blockBytes} bytes of headers`);
  const at = 4 + blockBytes;
  if (bytes.length < at + rawAt) throw nonsense(`is cut short after ${bytes.length} bytes`);
  const headers = bytes.subarray(4, at);
  checkHeaders(headers);
  if (bytes.readUInt32LE(at + rawLengthAt) !== bytes.length - at - rawAt) {
    throw nonsense('has another length than it says');
  }
  const low = bytes.readUInt32LE(at + idAt);
  const high = bytes.readUInt32LE(at + idAt + 4);
  return {
    headers,
    flags: bytes[at]!,
    id: high === 0 ? low : (BigInt(high) << 32n) | BigInt(low),
    timeoutOrStatus: bytes.readUInt32LE(at + timeoutOrStatusAt),
    drainBytes: bytes.readUInt32LE(at + drainAt),
    body: bytes.subarray(at + rawAt),
  };
}

/** Everything but the raw bytes, which follow. */
export function writeExchangeHead(exchange: WasmExchange, rawBytes: number): Buffer {
  const { headers, id } = exchange;
  const at = 4 + headers.length;
  const bytes = Buffer.allocUnsafe(at + rawAt);
  bytes.writeUInt32LE(headers.length, 0);
  headers.copy(bytes, 4);
  bytes[at] = exchange.flags;
  bytes.writeUInt32LE(typeof id === 'number' ? id : Number(id & 0xffff_ffffn), at + idAt);
  bytes.writeUInt32LE(typeof id === 'number' ? 0 : Number(id >> 32n), at + idAt + 4);
  bytes.writeUInt32LE(exchange.timeoutOrStatus, at + timeoutOrStatusAt);
  bytes.writeUInt32LE(exchange.drainBytes, at + drainAt);
  bytes.writeUInt32LE(rawBytes, at + rawLengthAt);
  return bytes;
}

/** Every name and value of a block that was checked, in order. */
export function visitHeaders(block: Buffer, visitor: (name: string, value: string) => void): void {
  let at = 0;
  const text = () => {
    const end = at + 4 + block.readUInt32LE(at);
    const value = block.toString('utf8', at + 4, end);
    at = end;
    return value;
  };
  while (at < block.length) visitor(text(), text());
}

export function encodeHeaders(headers: Iterable<readonly [name: string, value: string]>): Buffer {
  const parts: Buffer[] = [];
  for (const pair of headers) {
    for (const text of pair) {
      const bytes = Buffer.from(text, 'utf8');
      const length = Buffer.allocUnsafe(4);
      length.writeUInt32LE(bytes.length);
      parts.push(length, bytes);
    }
  }
  return Buffer.concat(parts);
}

function checkHeaders(block: Buffer): void {
  let at = 0;
  let texts = 0;
  for (; at < block.length; texts++) {
    if (at + 4 > block.length) throw nonsense('has headers that do not fill their block');
    at += 4 + block.readUInt32LE(at);
  }
  if (at !== block.length || texts % 2 === 1) throw nonsense('has headers that do not fill their block');
}

function nonsense(what: string): CodedError {
  return new CodedError('bad_wasm_answer', `its message ${what}`);
}
