import { crc32 } from 'node:zlib';

/** Frames built by hand, apart from the codec, for its tests. This file has no tests. */
export interface BoltSample {
  readonly version?: 1 | 2;
  /** Version 2 only: the second version byte and the switch. */
  readonly ver1?: number;
  readonly flags?: number;
  readonly type?: number;
  readonly command?: number;
  readonly id?: number;
  readonly codec?: number;
  readonly timeoutMs?: number;
  readonly status?: number;
  readonly className?: string;
  readonly headers?: readonly (readonly [string | null, string | null])[];
  readonly headerBlock?: Buffer;
  readonly content?: Buffer | string;
}

export function boltFrame(sample: BoltSample): Buffer {
  const { version = 1, ver1 = 2, flags = 0, type = 1, id = 1, codec = 1, timeoutMs = 3000, status = 0 } = sample;
  const command = sample.command ?? (type === 0 ? 2 : 1);
  const className = Buffer.from(sample.className ?? '');
  const block = sample.headerBlock ?? headerBlock(sample.headers ?? []);
  const content = Buffer.from(sample.content ?? '');
  const parts = [
    version === 2 ? uint8(2, ver1, type) : uint8(1, type),
    uint16(command),
    uint8(1),
    uint32(id),
    uint8(codec),
    version === 2 ? uint8(flags) : uint8(),
    type === 0 ? uint16(status) : uint32(timeoutMs >>> 0),
    uint16(className.length),
    uint16(block.length),
    uint32(content.length),
    className,
    block,
    content,
  ];
  const frame = Buffer.concat(parts);
  return version === 2 && ver1 === 2 && flags === 1 ? Buffer.concat([frame, uint32(crc32(frame))]) : frame;
}

export function headerBlock(headers: readonly (readonly [string | null, string | null])[]): Buffer {
  const text = (value: string | null) =>
    value === null ? uint32(0xffff_ffff) : Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(value)]);
  return Buffer.concat(headers.flatMap(([key, value]) => [text(key), text(value)]));
}

function uint8(...values: number[]): Buffer {
  return Buffer.from(values);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** What a SOFARPC client sends for `getUser` of version 1.0 of the interface. */
export const callHeaders: readonly (readonly [string, string])[] = [
  ['sofa_head_target_service', 'com.example.UserService:1.0:blue'],
  ['sofa_head_method_name', 'getUser'],
  ['service', 'com.example.UserService:1.0:blue'],
  ['type', 'sync'],
  ['rpc_trace_context.sofaTraceId', '0a0fe8ec'],
];

export const requestClass = 'com.alipay.sofa.rpc.core.request.SofaRequest';
export const responseClass = 'com.alipay.sofa.rpc.core.response.SofaResponse';

/** Frames that sofa-bolt 1.6 really sent. */
export const realFrames = {
  v1Request: '0101000101000000010100000bb800100000000000066a6176612e6c616e672e537472696e670568656c6c6f',
  v1Response: '01000002010000000101000000100000000000066a6176612e6c616e672e537472696e670568656c6c6f',
  v2Request: '02020100010100000001010100000bb800100000000000066a6176612e6c616e672e537472696e670568656c6c6fd074e0ff',
  v2Response: '020200000201000000010101000000100000000000066a6176612e6c616e672e537472696e670568656c6c6fece7ef57',
  v1OneWay: '01020001010000000101ffffffff00100000000000036a6176612e6c616e672e537472696e67026f77',
  v1Heartbeat: '01010000010000000201ffffffff0000000000000000',
  v1HeartbeatReply: '0100000001000000020100000000000000000000',
  v2Heartbeat: '020201000001000000020100ffffffff0000000000000000',
  v2HeartbeatReply: '02020000000100000002010000000000000000000000',
} as const;
