/** Packets built by hand, apart from the codec, for its tests. This file has no tests. */
export interface TarsRequest {
  readonly version?: number;
  readonly oneWay?: boolean;
  readonly messageType?: number;
  readonly id?: number;
  readonly servant?: string;
  readonly method?: string;
  readonly body?: Buffer | string;
  readonly timeoutMs?: number;
  readonly context?: Texts;
  readonly status?: Texts;
}

export interface TarsReply {
  readonly version?: number;
  readonly id?: number;
  readonly ret?: number;
  readonly body?: Buffer | string;
  readonly status?: Texts;
  readonly description?: string;
  readonly context?: Texts;
}

type Texts = readonly (readonly [string, string])[];

/** Also an answer of TUP. */
export function tarsRequest(sample: TarsRequest): Buffer {
  const { version = 1, oneWay = false, messageType = 0, id = 1, servant = 'Shop.UserServer.UserObj' } = sample;
  const { method = 'getUser', body = '', timeoutMs = 3000, context = [], status = [] } = sample;
  return packet(
    integer(1, version),
    integer(2, oneWay ? 1 : 0),
    integer(3, messageType),
    integer(4, id),
    text(5, servant),
    text(6, method),
    bytes(7, Buffer.from(body)),
    integer(8, timeoutMs),
    map(9, context),
    map(10, status),
  );
}

export function tarsReply(sample: TarsReply): Buffer {
  const { version = 1, id = 1, ret = 0, body = '', status = [], description = '', context = [] } = sample;
  return packet(
    integer(1, version),
    integer(2, 0),
    integer(3, id),
    integer(4, 0),
    integer(5, ret),
    bytes(6, Buffer.from(body)),
    map(7, status),
    text(8, description),
    map(9, context),
  );
}

export function packet(...fields: readonly Buffer[]): Buffer {
  const content = Buffer.concat(fields);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length + 4);
  return Buffer.concat([length, content]);
}

export function integer(tag: number, unsigned: number): Buffer {
  const value = unsigned | 0;
  if (value === 0) return Buffer.of((tag << 4) | 12);
  if (value === (value << 24) >> 24) return Buffer.of(tag << 4, value & 0xff);
  const type = value === (value << 16) >> 16 ? 1 : 2;
  const field = Buffer.alloc(1 + type * 2, (tag << 4) | type);
  field.writeIntBE(value, 1, type * 2);
  return field;
}

export function text(tag: number, value: string): Buffer {
  const content = Buffer.from(value);
  if (content.length < 256) return Buffer.concat([Buffer.of((tag << 4) | 6, content.length), content]);
  const head = Buffer.alloc(5, (tag << 4) | 7);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

export function bytes(tag: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of((tag << 4) | 13, 0), integer(0, value.length), value]);
}

export function map(tag: number, entries: Texts): Buffer {
  const fields = entries.flatMap(([key, value]) => [text(0, key), text(1, value)]);
  return Buffer.concat([Buffer.of((tag << 4) | 8), integer(0, entries.length), ...fields]);
}

/** The request id of a packet, whatever it is, by the samples' own reading. */
export function idOf(frame: Buffer): number {
  let at = 4;
  const fields: number[] = [];
  while (fields.length < 4) {
    const type = frame[at]! & 15;
    const width = type === 12 ? 0 : 1 << type;
    fields.push(width === 0 ? 0 : frame.readIntBE(at + 1, width) >>> 0);
    at += 1 + width;
  }
  const textFollows = [6, 7].includes(frame[at]! & 15);
  return fields[textFollows ? 3 : 2]!;
}

/** Packets that @tars/rpc 2.0 wrote: `getUser("ann")` of a servant, and answers of its server. */
export const realFrames = {
  /** With `Tenant` and `tenant` in its context. */
  request:
    '0000005310012c3c4001561753686f702e557365725365727665722e557365724f626a6607676574557365727d0000051603616e6e810bb8980002060654656e616e74160161060674656e616e74160162a80c',
  /** Its id is 300. */
  oneWay:
    '0000003e100120013c41012c561753686f702e557365725365727665722e557365724f626a6607676574557365727d0000051603616e6e810bb8980ca80c',
  /** Version 3, id 70000. */
  tup: '0000004c10032c3c4200011170561753686f702e557365725365727665722e557365724f626a6607676574557365727d00001208000106046e616d651d0000050603616e6e810bb8980ca80c',
  /** Version 2, id 2. */
  tupComplex:
    '0000005410022c3c4002561753686f702e557365725365727665722e557365724f626a6607676574557365727d00001d08000106046e616d651800010606737472696e671d0000050603616e6e810bb8980ca80c',
  reply: '0000002710012c30014c5c6d0000051603616e6e780c8600980001060673657276657216027331',
  /** iRet -3, "no function". */
  error: '0000002d10012c30014c50fd6d000c780c860b6e6f2066756e6374696f6e980001060673657276657216027331',
  tupReply:
    '0000007810032c3c4200011170561753686f702e557365725365727665722e557365724f626a6607676574557365727d00001208000106046e616d651d0000050603616e6e8c980ca8000206125354415455535f524553554c545f434f444516013006125354415455535f524553554c545f444553431600',
  /** Code -3, "no function". */
  tupError:
    '0000007410032c3c4200011170561753686f702e557365725365727665722e557365724f626a6607676574557365727d000002080c8c980ca8000206125354415455535f524553554c545f434f444516022d3306125354415455535f524553554c545f44455343160b6e6f2066756e6374696f6e',
} as const;
