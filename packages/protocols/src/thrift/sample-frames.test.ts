/** Frames built by hand, apart from the codec, for its tests. This file has no tests. */
export interface ThriftSample {
  readonly transport?: 'unframed' | 'framed' | 'header';
  readonly encoding?: 'binary' | 'old' | 'compact';
  /** 1 call, 2 reply, 3 exception, 4 one-way. */
  readonly type?: number;
  readonly name?: string;
  readonly id?: number;
  readonly struct?: Buffer;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Of the header transport, where it is not the message's own. */
  readonly headerId?: number;
}

export function thriftFrame(sample: ThriftSample): Buffer {
  const { transport = 'framed', encoding = 'binary', id = 1 } = sample;
  const message = messageOf(sample);
  if (transport === 'unframed') return message;
  if (transport === 'framed') return framed(message);
  const block = headerBlock(encoding === 'compact' ? 2 : 0, sample.headers ?? []);
  return headerFrame(block, message, sample.headerId ?? id);
}

export function messageOf({ encoding = 'binary', type = 1, name = 'ping', id = 1, struct }: ThriftSample): Buffer {
  const text = Buffer.from(name);
  const parts = {
    binary: [Buffer.of(0x80, 1, 0, type), uint32(text.length), text, uint32(id)],
    old: [uint32(text.length), text, Buffer.of(type), uint32(id)],
    compact: [Buffer.of(0x82, (type << 5) | 1), varint(id), varint(text.length), text],
  }[encoding];
  return Buffer.concat([...parts, struct ?? Buffer.of(0)]);
}

export function headerFrame(block: Buffer, message: Buffer, id: number): Buffer {
  return framed(Buffer.concat([Buffer.from('0fff0000', 'hex'), uint32(id), uint16(block.length / 4), block, message]));
}

/** Protocol, no transforms, headers, padding. */
export function headerBlock(protocol: number, headers: readonly (readonly [string, string])[]): Buffer {
  const entries = headers.flatMap((header) =>
    header.map((text) => Buffer.concat([varint(Buffer.byteLength(text)), Buffer.from(text)])),
  );
  const listed = headers.length === 0 ? [] : [Buffer.of(1), varint(headers.length), ...entries];
  const block = Buffer.concat([Buffer.of(protocol, 0), ...listed]);
  return Buffer.concat([block, Buffer.alloc((4 - (block.length % 4)) % 4)]);
}

export function framed(bytes: Buffer): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function uint16(value: number): Buffer {
  return uint32(value).subarray(2);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.of(...bytes, rest);
}

/** A struct with one text, in field 1 of arguments or in field 0 of a result, and then a list of two texts. */
export function textStruct(text: string, compact: boolean, field = 1): Buffer {
  const bytes = Buffer.from(text);
  if (!compact) {
    const head = Buffer.of(11, 0, field);
    return Buffer.concat([
      head,
      uint32(bytes.length),
      bytes,
      Buffer.from('0f00140b0000000200000000000000016100', 'hex'),
    ]);
  }
  const head = field === 0 ? Buffer.of(8, 0) : Buffer.of((field << 4) | 8);
  const list = Buffer.concat([Buffer.from('0928', 'hex'), Buffer.from('28000161', 'hex'), Buffer.of(0)]);
  return Buffer.concat([head, varint(bytes.length), bytes, list]);
}

/** What Apache Thrift's Python library (0.25.0) writes: a call of `Users:getUser` and an exception, both with id 1000. */
export const realFrames = {
  framedBinary:
    '00000063800100010000000d55736572733a67657455736572000003e80b00010000000568656c6c6f080002fffffff9020003010d00040b0f00000001000000016b0a000000020000000000000001f0000000000000000c00280400013ff80000000000000000',
  framedBinaryException: '00000026800100030000000767657455736572000003e80b000100000004626f6f6d0800020000000600',
  framedOldBinary:
    '000000600000000d55736572733a6765745573657201000003e80b00010000000568656c6c6f080002fffffff9020003010d00040b0f00000001000000016b0a000000020000000000000001f0000000000000000c00280400013ff80000000000000000',
  framedOldBinaryException: '00000023000000076765745573657203000003e80b000100000004626f6f6d0800020000000600',
  framedCompact:
    '000000398221e8070d55736572733a67657455736572180568656c6c6f150d111b0189016b2602ffffffffffffffff1f0c5017000000000000f83f0000',
  framedCompactException: '000000158261e80707676574557365721804626f6f6d150c00',
  unframedBinary:
    '800100010000000d55736572733a67657455736572000003e80b00010000000568656c6c6f080002fffffff9020003010d00040b0f00000001000000016b0a000000020000000000000001f0000000000000000c00280400013ff80000000000000000',
  unframedBinaryException: '800100030000000767657455736572000003e80b000100000004626f6f6d0800020000000600',
  unframedCompact:
    '8221e8070d55736572733a67657455736572180568656c6c6f150d111b0189016b2602ffffffffffffffff1f0c5017000000000000f83f0000',
  unframedCompactException: '8261e80707676574557365721804626f6f6d150c00',
  headerBinary:
    '000000850fff0000000003e80006000001020654656e616e740161047a6f6e65026575000000800100010000000d55736572733a67657455736572000003e80b00010000000568656c6c6f080002fffffff9020003010d00040b0f00000001000000016b0a000000020000000000000001f0000000000000000c00280400013ff80000000000000000',
  headerBinaryException:
    '000000480fff0000000003e80006000001020654656e616e740161047a6f6e65026575000000800100030000000767657455736572000003e80b000100000004626f6f6d0800020000000600',
  headerCompact:
    '0000005b0fff0000000003e80006020001020654656e616e740161047a6f6e650265750000008221e8070d55736572733a67657455736572180568656c6c6f150d111b0189016b2602ffffffffffffffff1f0c5017000000000000f83f0000',
  headerCompactException:
    '000000370fff0000000003e80006020001020654656e616e740161047a6f6e650265750000008261e80707676574557365721804626f6f6d150c00',
} as const;
