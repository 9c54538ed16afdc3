import type { LocalReply } from '@sofamesh/contract/message';
import { PacketWriter } from './encode.ts';
import { FieldWalk, isTup, ReplyTag, RequestTag, Version } from './packet.ts';
import { replyStatusOf } from './status.ts';

/** Keys of TUP's status map; its code is a decimal number, missing for success. */
export const resultCode = 'STATUS_RESULT_CODE';
const resultDescription = 'STATUS_RESULT_DESC';

/** Characters of an error text that the proxy makes. */
const errorTextMax = 1024;

/** TUP's body of no value: an empty map. */
const noAttributes = Buffer.from('080c', 'hex');

/** The answer to a request, perhaps to one that cannot be read. Empty for a one-way call. */
export function errorReply(request: Buffer, id: number, reply: LocalReply): Buffer {
  const walk = new FieldWalk(request);
  const version = walk.integer(1) ?? Version.tars;
  if (walk.integer(2) === 1) return Buffer.alloc(0);
  const messageType = walk.integer(3) ?? 0;
  const status = replyStatusOf(reply);
  const text = `${reply.status}|${reply.body}`.slice(0, errorTextMax);
  const writer = new PacketWriter();
  writer.integer(1, version);
  writer.integer(2, 0);
  if (isTup(version)) {
    writer.integer(3, messageType);
    writer.integer(RequestTag.id, id | 0);
    for (const tag of [RequestTag.servant, RequestTag.method]) writer.text(tag, walk.text(tag) ?? '');
    writer.blob(RequestTag.body, noAttributes);
    writer.integer(RequestTag.timeout, 0);
    writer.map(RequestTag.context, []);
    writer.map(RequestTag.status, [
      [resultCode, `${status}`],
      [resultDescription, text],
    ]);
  } else {
    writer.integer(ReplyTag.id, id | 0);
    writer.integer(4, messageType);
    writer.integer(ReplyTag.ret, status);
    writer.blob(ReplyTag.body, Buffer.alloc(0));
    writer.map(7, []);
    writer.text(ReplyTag.description, text);
    writer.map(ReplyTag.context, []);
  }
  return writer.finish();
}
