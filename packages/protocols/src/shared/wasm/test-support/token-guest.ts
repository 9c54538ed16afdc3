import {
  add,
  again,
  and,
  assemble,
  back,
  type Code,
  call,
  differ,
  drop,
  end,
  equal,
  get,
  getGlobal,
  i32,
  isAbove,
  isBelow,
  load,
  load8,
  load64,
  loop,
  type ModuleSpec,
  memoryCopy,
  memoryGrow,
  memorySize,
  set,
  setGlobal,
  shiftRight,
  store,
  store8,
  store64,
  subtract,
  unreachable,
  when,
} from './assembler.ts';

/**
 * A codec for tests. Its frames, numbers little-endian: magic, type, status, method (0 is "a"), u32 payload length, u64 id;
 * then the payload, which is the value of the header `token`. Some types are there to misbehave.
 */
export const magic = 0xa7;
export const frameTypes = {
  request: 0,
  reply: 1,
  'one-way': 2,
  heartbeat: 3,
  'heartbeat-reply': 4,
  /** Ends the guest. */
  trap: 5,
  /** Takes all memory that there is, then ends the guest. */
  greedy: 6,
  /** Answers with something that is no message. */
  nonsense: 7,
  /** Is decoded, and refuses to be encoded. */
  'read-only': 8,
  /** Keeps the guest in a loop. */
  endless: 9,
} as const;
export type FrameType = keyof typeof frameTypes;

export function tokenFrame(type: FrameType, id: number, { token = '', status = 0, method = 0 } = {}): Buffer {
  const payload = Buffer.from(token);
  const frame = Buffer.alloc(16 + payload.length);
  frame.set([magic, frameTypes[type], status, method]);
  frame.writeUInt32LE(payload.length, 4);
  frame.writeUInt32LE(id >>> 0, 8);
  payload.copy(frame, 16);
  return frame;
}

/** Places in the guest's memory: the length that it needs, flags by type, a frame of its own, its message. */
const needAt = 0x10;
const flagsAt = 0x20;
const frameAt = 0x40;
const messageAt = 0x1000;
const heapAt = 0x8000;
/** What the message begins with: the header block but for its length and the token's value. */
const headersText = ((): Buffer => {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length, 0, 0, 0]), Buffer.from(value)]);
  return Buffer.concat([text(':path'), text('/a'), text(':authority'), text('tokens'), text('token')]);
})();
const methodAt = messageAt + 4 + 4 + ':path'.length + 4 + 1;
const tokenAt = messageAt + 4 + headersText.length;

/** Functions, in their order: the imported one first. */
const setBuffer = 0;

const whenThen = (condition: Code, then: Code): Code => [condition, when, then, end];
const answer = (value: number): Code => [i32(value), back];
const hand = (number: number, at: Code, length: Code): Code => [
  i32(number),
  i32(0),
  i32(0),
  at,
  length,
  call(setBuffer),
  drop,
];

// Parameters: 0 where the input is, 1 its length. Locals: 2 type, 3 payload length, 4 where the message goes on.
const decode: Code = [
  whenThen([get(1), i32(1), isBelow], answer(99)),
  whenThen([get(0), load8(), i32(magic), differ], answer(1)),
  whenThen([get(1), i32(16), isBelow], answer(99)),
  [get(0), load(4), set(3)],
  whenThen(
    [get(1), get(3), i32(16), add, isBelow],
    [i32(needAt), get(3), i32(16), add, store(), hand(13, i32(needAt), i32(4)), answer(99)],
  ),
  [get(0), load8(1), set(2)],
  whenThen([get(2), i32(frameTypes.trap), equal], unreachable),
  whenThen(
    [get(2), i32(frameTypes.greedy), equal],
    [loop, whenThen([i32(1), memoryGrow, i32(-1), differ], again(1)), end, unreachable],
  ),
  whenThen([get(2), i32(frameTypes.nonsense), equal], [hand(13, get(0), i32(16)), answer(0)]),
  whenThen([get(2), i32(frameTypes.endless), equal], [loop, again(), end]),
  whenThen([get(2), i32(frameTypes['read-only']), isAbove], answer(2)),
  // Header block.
  [i32(messageAt), get(3), i32(headersText.length + 4), add, store()],
  [i32(methodAt), get(0), load8(3), i32(97), add, store8()],
  [i32(tokenAt), get(3), store()],
  [i32(tokenAt + 4), get(0), i32(16), add, get(3), memoryCopy],
  [get(3), i32(tokenAt + 4), add, set(4)],
  // Flags, id, status, length of the frame, the payload as raw bytes.
  [get(4), get(2), load8(flagsAt), store8()],
  [get(4), get(0), load64(8), store64(1)],
  [get(4), get(0), load8(2), store(9)],
  [get(4), get(3), i32(16), add, store(13)],
  [get(4), get(3), store(17)],
  [get(4), i32(21), add, get(0), i32(16), add, get(3), memoryCopy],
  hand(13, i32(messageAt), [get(4), i32(21), add, get(3), add, i32(messageAt), subtract]),
  i32(0),
];

/** Sets local 2 to where the message goes on behind its header block. */
const skipHeaders: Code = [get(0), load(), get(0), add, i32(4), add, set(2)];

/**
 * The frame that came, changed in place; a new body lies behind it, so its head moves there. The method comes from the first
 * header, which is `:path`. Local 3: where the frame begins.
 */
const encode: Code = [
  skipHeaders,
  [get(2), i32(21), add, set(3)],
  whenThen([get(3), load8(1), i32(frameTypes['read-only']), equal], answer(3)),
  whenThen(
    [get(2), load8(), i32(1), and],
    [
      [get(3), get(2), load(13), add, i32(16), subtract, get(3), i32(16), memoryCopy],
      [get(3), get(2), load(13), add, i32(16), subtract, set(3)],
      [get(3), get(2), load(17), get(2), load(13), subtract, store(4)],
    ],
  ),
  [get(3), get(2), load64(1), store64(8)],
  [get(3), get(2), load(9), store8(2)],
  [get(3), get(0), load8(4 + 4 + ':path'.length + 4 + 1), i32(97), subtract, store8(3)],
  hand(14, get(3), [get(3), load(4), i32(16), add]),
  i32(0),
];

/** A frame without a payload; the status is one for whatever went wrong. */
const ownFrame = (type: FrameType): Code => [
  skipHeaders,
  [i32(frameAt), i32(magic | (frameTypes[type] << 8)), store()],
  whenThen([get(2), load(9)], [i32(frameAt), i32(1), store8(2)]),
  [i32(frameAt), i32(0), store(4)],
  [i32(frameAt), get(2), load64(1), store64(8)],
  hand(14, i32(frameAt), i32(16)),
  i32(0),
];

/** Gives out memory and never takes any back; 0 where there is none. Local 1: where the piece begins. */
const malloc: Code = [
  [getGlobal(0), set(1)],
  [getGlobal(0), get(0), add, setGlobal(0)],
  whenThen(
    [getGlobal(0), i32(16), shiftRight, memorySize, isBelow, i32(0), equal],
    whenThen(
      [getGlobal(0), i32(16), shiftRight, i32(1), add, memorySize, subtract, memoryGrow, i32(-1), equal],
      answer(0),
    ),
  ),
  get(1),
];

const call2 = { params: ['i32', 'i32'], results: ['i32'], locals: ['i32', 'i32', 'i32'] } as const;

/** The module, or one that differs in something. */
export function tokenGuest(changes: Partial<ModuleSpec> = {}): Buffer {
  return assemble({
    imports: [{ name: 'proxy_set_buffer_bytes', params: ['i32', 'i32', 'i32', 'i32', 'i32'], results: ['i32'] }],
    functions: tokenFunctions,
    pages: 1,
    globals: [heapAt],
    data: [
      { at: flagsAt, bytes: Buffer.from([0x40, 0x00, 0xc0, 0x60, 0x20, 0, 0, 0, 0x40]) },
      { at: messageAt + 4, bytes: headersText },
    ],
    ...changes,
  });
}

export const tokenFunctions: ModuleSpec['functions'] = [
  { name: 'malloc', params: ['i32'], results: ['i32'], locals: ['i32'], body: malloc },
  { name: 'proxy_decode_buffer_bytes', ...call2, body: decode },
  { name: 'proxy_encode_buffer_bytes', ...call2, body: encode },
  { name: 'proxy_keepalive_buffer_bytes', ...call2, body: ownFrame('heartbeat') },
  { name: 'proxy_reply_keepalive_buffer_bytes', ...call2, body: ownFrame('heartbeat-reply') },
  { name: 'proxy_hijack_buffer_bytes', ...call2, body: ownFrame('reply') },
  {
    name: 'proxy_detect_buffer_bytes',
    ...call2,
    body: [whenThen([get(0), load8(), i32(magic), equal], answer(0)), i32(1)],
  },
];
