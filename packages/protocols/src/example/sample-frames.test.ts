/** Frames built by hand, apart from the codec, for its tests. This file has no tests. */
export interface ExampleSample {
  readonly type?: number;
  readonly status?: number;
  readonly service?: number;
  readonly id?: number | bigint;
  readonly payload?: string;
}

export function exampleFrame({ type = 0, status = 0, service = 7, id = 1, payload = '' }: ExampleSample): Buffer {
  const body = Buffer.from(payload);
  const frame = Buffer.alloc(16 + body.length);
  frame.set([0xe1, type, status, service]);
  frame.writeUInt32BE(body.length, 4);
  frame.writeBigUInt64BE(BigInt(id), 8);
  body.copy(frame, 16);
  return frame;
}
