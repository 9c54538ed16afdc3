/** Frames built by hand after Dubbo's ThriftCodec, apart from the codec, for its tests. This file has no tests. */
export interface DubboThriftSample {
  readonly service?: string;
  /** Behind the service, as Dubbo 2.7 writes it; older ones do not. */
  readonly path?: string;
  /** 64 bits. */
  readonly id?: bigint;
  /** 1 call, 2 reply, 3 exception, 4 one-way. */
  readonly type?: number;
  readonly method?: string;
  /** Of the message, which nobody compares. */
  readonly sequence?: number;
  readonly struct?: Buffer;
}

export function dubboThriftFrame(sample: DubboThriftSample): Buffer {
  const { service = 't.Api', path, id = 1n, type = 1, method = 'echo', sequence = 99 } = sample;
  const texts = path === undefined ? [text(service)] : [text(service), text(path)];
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt.asUintN(64, id));
  const head = Buffer.concat([Buffer.of(1), ...texts, number]);
  const message = Buffer.concat([
    Buffer.of(0x80, 1, 0, type),
    text(method),
    uint32(sequence),
    sample.struct ?? Buffer.of(0),
  ]);
  const length = uint32(8 + head.length + message.length);
  const headLength = uint32(8 + head.length).subarray(2);
  return Buffer.concat([length, Buffer.from('dabc', 'hex'), length, headLength, head, message]);
}

export function idOf(frame: Buffer): bigint {
  return frame.readBigUInt64BE(4 + frame.readUInt16BE(10) - 8);
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A result with a text as its value (field 0) or arguments with one (field 1). */
export function textStruct(value: string, field = 1): Buffer {
  return Buffer.concat([Buffer.of(11, 0, field), text(value), Buffer.of(0)]);
}
