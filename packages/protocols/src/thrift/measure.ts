import type { FrameFault, FrameFormat } from '@sofamesh/contract/frame-format';
import type { CodecLimits } from '@sofamesh/contract/protocol';
import { readUint32 } from '../shared/byte-writer.ts';
import { needMore } from '../shared/frame-splitter.ts';
import { MessageHead, nameBytesMax } from '../shared/thrift/message.ts';
import { type SkipState, StructSkipper } from '../shared/thrift/struct-skipper.ts';
import { blockBytes, fixedBytes } from './header.ts';

const badMagic: FrameFault = { code: 'bad_magic', message: 'the bytes begin no message of Thrift' };
const badLength: FrameFault = { code: 'bad_length', message: 'the frame is too short for what it begins with' };
const headTooLarge: FrameFault = { code: 'head_too_large', message: 'the headers exceed the limit' };
const badHead: FrameFault = { code: 'bad_message', message: 'the head of the message cannot be read' };

const skipFaults: Readonly<Record<Exclude<SkipState, 'running' | 'done'>, FrameFault>> = {
  broken: { code: 'bad_struct', message: 'the message holds a value of no type, or a number without an end' },
  'too-deep': { code: 'nested_too_deep', message: 'values of the message are nested too deeply' },
  'too-large': { code: 'frame_too_large', message: 'the message exceeds the limit' },
};

/** Head and empty struct of the shortest message. */
const messageBytesMin = 5;
/** Of the old binary protocol: length of the name, one character, type and sequence id. */
const oldMessageBytesMin = 10;

/** `FrameFormat.startMeasuring`: an unframed message is read through to its end, once. */
export function startMeasuring(): FrameFormat['length'] {
  // Few clients write such messages: a connection has what they need with the first of them.
  let unframed: UnframedMeasure | undefined;
  return (bytes, at, end, limits) => {
    const first = bytes[at]!;
    if (first === 0x80 || first === 0x82) {
      unframed ??= new UnframedMeasure();
      return unframed.length(bytes, at, end, limits);
    }
    return first < 0x80 ? framedLength(bytes, at, end, limits) : badMagic;
  };
}

/** The length in front counts only when what follows it begins a message, for anything would begin with some length. */
function framedLength(bytes: Buffer, at: number, end: number, limits: CodecLimits): number | FrameFault {
  const have = end - at;
  if (have < 4) return needMore;
  const length = readUint32(bytes, at);
  if (length < messageBytesMin) return badLength;
  if (have < 6) return needMore;
  const first = bytes[at + 4]!;
  const second = bytes[at + 5]!;
  switch (first) {
    case 0x80:
      if (second !== 0x01) return badMagic;
      break;
    case 0x82:
      if ((second & 0x1f) !== 1) return badMagic;
      break;
    case 0x0f:
      return second === 0xff ? headerLength(bytes, at, have, length, limits) : badMagic;
    case 0: {
      if (length < oldMessageBytesMin) return badLength;
      if (have < 8) return needMore;
      const name = readUint32(bytes, at + 4);
      if (name === 0 || name > nameBytesMax || name > length - oldMessageBytesMin + 1) return badMagic;
      break;
    }
    default:
      return badMagic;
  }
  return 4 + length;
}

function headerLength(
  bytes: Buffer,
  at: number,
  have: number,
  length: number,
  limits: CodecLimits,
): number | FrameFault {
  if (length < fixedBytes - 4 + messageBytesMin) return badLength;
  if (have < fixedBytes) return needMore;
  return blockBytes(bytes, at) > limits.headBytesMax ? headTooLarge : 4 + length;
}

/** Remembers how far it has come in the message that has begun. */
class UnframedMeasure {
  readonly #head = new MessageHead();
  readonly #skipper = new StructSkipper();
  /** Octets of the message that are done with; 0 until its head is whole. */
  #done = 0;

  length(bytes: Buffer, at: number, end: number, limits: CodecLimits): number | FrameFault {
    if (this.#done === 0) {
      const structAt = this.#head.read(bytes, at, end);
      if (structAt <= 0) return structAt === needMore ? needMore : this.#headFault(bytes, at, end);
      this.#done = structAt - at;
      this.#skipper.begin(bytes[at] === 0x82);
    }
    const limit = at + limits.frameBytesMax;
    this.#done = this.#skipper.run(bytes, at + this.#done, Math.min(end, limit), limit) - at;
    const { state } = this.#skipper;
    if (state === 'running') return needMore;
    if (state !== 'done') return skipFaults[state];
    const length = this.#done;
    this.#done = 0;
    return length;
  }

  #headFault(bytes: Buffer, at: number, end: number): FrameFault {
    const magic = end - at < 2 || (bytes[at] === 0x80 ? bytes[at + 1] === 1 : (bytes[at + 1]! & 0x1f) === 1);
    return magic ? badHead : badMagic;
  }
}
