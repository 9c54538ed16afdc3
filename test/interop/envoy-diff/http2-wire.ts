import { HpackDecoder } from '@sofamesh/protocols/shared/hpack/decoder';

// Frames of HTTP/2 (RFC 9113 §4.1) as text, a character for an octet, so that scripts can write them:
//
//     length (24)  type (8)  flags (8)  stream (32)  payload

export const endStream = 1;
export const endHeaders = 4;
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
const { data, headers, rstStream, goAway, continuation } = frameType;
export const frameHeadOctets = 9;
export const clientPreface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export type Fields = readonly (readonly [name: string, value: string])[];

export function frame(type: number, flags: number, stream: number, payload = ''): string {
  return octets(3, payload.length) + octets(1, type) + octets(1, flags) + octets(4, stream) + payload;
}

/** What a client says first: the preface and empty settings. */
export const preface = `${clientPreface}${frame(frameType.settings, 0, 0)}`;

/** Each field a literal without indexing (RFC 7541 §6.2.2), so that any octets can be said. */
export function block(fields: Fields): string {
  return fields.map(([name, value]) => `\0${text(name)}${text(value)}`).join('');
}

export function headersFrame(stream: number, fields: Fields, flags = endHeaders | endStream): string {
  return frame(headers, flags, stream, block(fields));
}

export function dataFrame(stream: number, body: string, flags = endStream): string {
  return frame(data, flags, stream, body);
}

export function resetFrame(stream: number, errorCode: number): string {
  return frame(rstStream, 0, stream, octets(4, errorCode));
}

export function goAwayFrame(lastStream: number, errorCode: number): string {
  return frame(goAway, 0, 0, octets(4, lastStream) + octets(4, errorCode));
}

export function octets(count: number, value: number): string {
  let written = '';
  for (let at = count - 1; at >= 0; at--) written += String.fromCharCode(Math.floor(value / 256 ** at) % 256);
  return written;
}

function text(value: string): string {
  const prefixMax = 127;
  if (value.length < prefixMax) return String.fromCharCode(value.length) + value;
  let length = String.fromCharCode(prefixMax);
  let rest = value.length - prefixMax;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length += String.fromCharCode((rest % 128) + 128);
  return length + String.fromCharCode(rest) + value;
}

/** What one side said on one stream. */
export interface StreamFrames {
  /** Heads and trailers in their order. */
  readonly blocks: Fields[];
  body: string;
  ended: 'open' | 'END_STREAM' | `RST_STREAM ${number}`;
}

export interface ConnectionFrames {
  readonly streams: ReadonlyMap<number, StreamFrames>;
  /** Error code of a GOAWAY. */
  readonly goAway: number | undefined;
}

/** Reads what one side has written, without a preface; frames that concern no stream but GOAWAY are passed over. */
export function readFrames(received: string): ConnectionFrames {
  const decoder = new HpackDecoder({ tableBytesMax: 4096 });
  const streams = new Map<number, StreamFrames>();
  let away: number | undefined;
  let pending = '';
  const bytes = Buffer.from(received, 'latin1');
  for (let at = 0; at + frameHeadOctets <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const id = bytes.readUInt32BE(at + 5);
    const payload = bytes.subarray(at + frameHeadOctets, at + frameHeadOctets + length);
    at += frameHeadOctets + length;
    if (type === goAway) away = payload.readUInt32BE(4);
    if (id === 0) continue;
    let stream = streams.get(id);
    if (stream === undefined) streams.set(id, (stream = { blocks: [], body: '', ended: 'open' }));
    if (type === data) stream.body += payload.toString('latin1');
    if (type === rstStream) stream.ended = `RST_STREAM ${payload.readUInt32BE(0)}`;
    if (type === headers || type === continuation) {
      pending += payload.toString('latin1');
      if (flags & endHeaders) {
        const fields: (readonly [string, string])[] = [];
        decoder.decode(Buffer.from(pending, 'latin1'), { field: (name, value) => fields.push([name, value]) });
        stream.blocks.push(fields);
        pending = '';
      }
    }
    if ((type === data || type === headers) && flags & endStream) stream.ended = 'END_STREAM';
  }
  return { streams, goAway: away };
}
