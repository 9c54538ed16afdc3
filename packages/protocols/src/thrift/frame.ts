import { ByteWriter, writeUint32 } from '../shared/byte-writer.ts';
import { Encoding, MessageHead, MessageType, writeMessageHead } from '../shared/thrift/message.ts';
import { HeaderBlock, sequenceAt } from './header.ts';

/**
 * What a message travels in, told apart by its first bytes, so that every frame says for itself what it is:
 *
 *     unframed   message                            80 01 … or 82 …   its end is where its struct ends
 *     framed     u32 length · message               00 …  80 01 …, 00 …  82 …, 00 …  00 … (old binary)
 *     header     u32 length · 0F FF · … · message   see header.ts
 */
export const Transport = { unframed: 0, framed: 1, header: 2 } as const;
export type Transport = (typeof Transport)[keyof typeof Transport];

/** What {@link FrameParts.id} has put together, apart again. */
export function messageId(id: number | bigint): number {
  return typeof id === 'number' ? id : Number(id & 0xffff_ffffn);
}

function headerId(id: number | bigint): number {
  return typeof id === 'number' ? id : Number((id >> 32n) & 0xffff_ffffn);
}

/** Where the parts of a whole frame lie. One object reads many frames, one after the other. */
export class FrameParts {
  transport: Transport = Transport.unframed;
  readonly header = new HeaderBlock();
  readonly message = new MessageHead();
  /** Of the message, and of the struct behind its head. */
  messageAt = 0;
  structAt = 0;

  /** False when the message in the frame, or a header before it, cannot be read; how it would be encoded is known. */
  read(frame: Buffer, headersMax: number): boolean {
    this.messageAt = 0;
    this.transport = Transport.unframed;
    this.message.encoding = Encoding.binary;
    if (frame[0]! < 0x80) {
      this.transport = Transport.framed;
      this.messageAt = 4;
      if (frame[4] === 0x0f) {
        this.transport = Transport.header;
        if (!this.header.read(frame, headersMax)) {
          if (this.header.compact) this.message.encoding = Encoding.compact;
          return false;
        }
        this.messageAt = this.header.end;
      }
    }
    this.structAt = this.message.read(frame, this.messageAt, frame.length);
    return this.structAt > 0;
  }

  /**
   * The sequence id of the message. In a call with headers it stands there too: both make one number where a client lets
   * them differ (npm's does). What a server puts there says nothing.
   */
  id(frame: Buffer): number | bigint {
    const id = this.message.id(frame);
    const { type } = this.message;
    if (this.transport !== Transport.header || this.header.sequence === id) return id;
    if (type === MessageType.reply || type === MessageType.exception) return id;
    return (BigInt(this.header.sequence) << 32n) | BigInt(id);
  }

  /** The frame under another id, in place unless the number has another length. */
  withId(frame: Buffer, id: number | bigint): Buffer {
    const own = messageId(id);
    if (this.transport === Transport.header) writeUint32(frame, sequenceAt, headerId(id));
    const { message } = this;
    if (message.idFits(own)) {
      message.stampId(frame, own);
      return frame;
    }
    const writer = new ByteWriter(frame.length + 8);
    writer.copy(frame, 0, this.messageAt);
    writeMessageHead(writer, message.encoding, message.type, frame.subarray(message.nameStart, message.nameEnd), own);
    writer.copy(frame, this.structAt, frame.length);
    return this.finish(writer);
  }

  /** Sets the length of a frame that begins as this one does. */
  finish(writer: ByteWriter): Buffer {
    const frame = writer.finish();
    if (this.transport !== Transport.unframed) writeUint32(frame, 0, frame.length - 4);
    return frame;
  }

  /** Everything in front of the message of an answer to this frame. The answer has no headers. */
  writeAnswerStart(writer: ByteWriter, frame: Buffer, id: number | bigint): void {
    if (this.transport === Transport.unframed) return;
    writer.copy(frame, 0, 4);
    if (this.transport === Transport.framed) return;
    writer.copy(frame, 4, sequenceAt);
    writer.uint32(headerId(id));
    writer.uint16(1);
    writer.byte(this.message.encoding === Encoding.compact ? 2 : 0);
    for (let padding = 0; padding < 3; padding++) writer.byte(0);
  }
}
