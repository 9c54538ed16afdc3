/** Frames built by hand, apart from the codec, for its tests. This file has no tests. */
export interface HsfSample {
  /** 0 request, 1 one-way, 2 reply, 3 heartbeat, 4 heartbeat reply, 5 go away. */
  readonly operation?: number;
  readonly codec?: number;
  readonly status?: number;
  readonly id?: number | bigint;
  readonly timeoutMs?: number;
  readonly service?: string;
  readonly method?: string;
  readonly types?: Buffer | string;
  readonly content?: Buffer | string;
  readonly attachments?: readonly (readonly [string, string])[];
  readonly attachmentBytes?: Buffer;
}

export function hsfFrame(sample: HsfSample): Buffer {
  const { operation = 0, codec = 1, status = 0, id = 1, timeoutMs = 0 } = sample;
  const service = Buffer.from(sample.service ?? '');
  const method = Buffer.from(sample.method ?? '');
  const types = Buffer.from(sample.types ?? '');
  const content = Buffer.from(sample.content ?? '');
  const attachments = sample.attachmentBytes ?? attachmentBlock(sample.attachments ?? []);
  const head = Buffer.alloc(32);
  head.set([0xe8, 0x5f, 1, operation, codec, status]);
  head.writeUInt16BE(service.length, 6);
  head.writeBigUInt64BE(BigInt(id), 8);
  head.writeInt32BE(timeoutMs, 16);
  head.writeUInt16BE(method.length, 20);
  head.writeUInt16BE(types.length, 22);
  head.writeUInt32BE(attachments.length, 24);
  head.writeUInt32BE(content.length, 28);
  return Buffer.concat([head, service, method, types, content, attachments]);
}

export function attachmentBlock(attachments: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    attachments.flat().map((text) => {
      const bytes = Buffer.from(text);
      return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
    }),
  );
}

/** A call of `getUser(String)` with a deadline. */
export const callSample = {
  service: 'com.example.UserService:1.0',
  method: 'getUser',
  types: '\0\x10java.lang.String',
  attachments: [
    ['Tenant', 'a'],
    ['EagleEye-TraceId', '0a0f'],
  ],
  timeoutMs: 500,
} as const satisfies HsfSample;
