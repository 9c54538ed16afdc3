/** Frames built by hand, apart from the codec, for its tests. This file has no tests. */
export interface DubboSample {
  /** 64 bits. */
  readonly id?: bigint;
  readonly flag?: number;
  readonly status?: number;
  readonly body: Buffer;
}

export function dubboFrame({ id = 1n, flag = 0xc2, status = 0, body }: DubboSample): Buffer {
  const frame = Buffer.alloc(16 + body.length);
  frame.set([0xda, 0xbb, flag, status]);
  frame.writeBigUInt64BE(BigInt.asUintN(64, id), 4);
  frame.writeUInt32BE(body.length, 12);
  body.copy(frame, 16);
  return frame;
}

export interface CallSample {
  readonly path?: string;
  readonly version?: string | null;
  readonly method?: string;
  readonly types?: string;
  /** Already in hessian2. */
  readonly values?: Buffer;
  readonly attachments?: readonly (readonly [string, string | Buffer])[] | null;
}

/** The body of a call. */
export function callBody(sample: CallSample): Buffer {
  const { path = 't.Api', version = '1.0.0', method = 'echo', types = 'Ljava/lang/String;' } = sample;
  const attachments = sample.attachments === undefined ? callAttachments : sample.attachments;
  return Buffer.concat([
    text('2.0.2'),
    text(path),
    version === null ? Buffer.from('N') : text(version),
    text(method),
    text(types),
    sample.values ?? text('hello'),
    attachments === null ? Buffer.alloc(0) : map(attachments),
  ]);
}

export const callAttachments: readonly (readonly [string, string])[] = [
  ['path', 't.Api'],
  ['remote.application', 'cons'],
  ['interface', 't.Api'],
  ['version', '1.0.0'],
  ['timeout', '3000'],
  ['group', 'g'],
];

export function map(entries: readonly (readonly [string, string | Buffer])[]): Buffer {
  const value = (each: string | Buffer) => (typeof each === 'string' ? text(each) : each);
  return Buffer.concat([
    Buffer.from('H'),
    ...entries.flatMap(([key, each]) => [text(key), value(each)]),
    Buffer.from('Z'),
  ]);
}

/** A short string in hessian2. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const units = value.length;
  return Buffer.concat([units < 32 ? Buffer.of(units) : Buffer.of(0x30 + (units >> 8), units & 0xff), bytes]);
}

/** Frames that Dubbo 3.3.6 really sent. */
export const realFrames = {
  request:
    'dabbc200d3b611774355410f0000008805322e302e3205742e41706905312e302e30046563686f124c6a6176612f6c616e672f537472696e673b0568656c6c6f48047061746805742e4170691272656d6f74652e6170706c69636174696f6e04636f6e7309696e7465726661636505742e4170690776657273696f6e05312e302e300774696d656f757404333030300567726f757001675a',
  response: 'dabb0214d3b611774355410f00000015940568656c6c6f4805647562626f05322e302e325a',
  heartbeat: 'dabbe200ce6fba149b86197d000000014e',
  heartbeatReply: 'dabb2214ce6fba149b86197d000000014e',
  fastjson2Response:
    'dabb1714cbc693a40f882bb80000002200000002bd04000000064e68656c6c6f0000000ea64e647562626f4e322e302e32a5',
} as const;
