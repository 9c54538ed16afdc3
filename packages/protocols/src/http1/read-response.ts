import { closeOption, closesByProxyConnection, keepAliveOption, readConnectionOptions } from './connection-options.ts';
import { type Http1Fault, refused } from './fault.ts';
import {
  connectionField,
  contentLengthField,
  droppedField,
  expectField,
  fieldWidth,
  hopField,
  hopKinds,
  hostField,
  plainField,
  teField,
  transferEncodingField,
  upgradeField,
} from './field-index.ts';
import { bodyUntilClose, dropFields, type Framing, fieldOf, noBody, readBodyFraming } from './framing.ts';
import type { HeadReader } from './head-reader.ts';
import { Http1ResponseHead } from './response-head.ts';

/**
 * From a well-formed head to the response it is to a request with `method` (and `upgrade`, where the request asked for
 * one), or to the reason why it is refused. `framing` is filled in (RFC 9112 §6.3); `bothAllowed` as there; `forwardReason`:
 * the status line goes on with the words it has.
 */
export function readResponse(
  reader: HeadReader,
  framing: Framing,
  method: string,
  upgrade: string | undefined,
  bothAllowed: boolean,
  forwardReason: boolean,
): Http1ResponseHead | Http1Fault {
  const isHttp11 = reader.minorVersion === 1;
  if (reader.majorVersion !== 1 || reader.minorVersion > 1) {
    return refused('version_unsupported', `HTTP/${reader.majorVersion}.${reader.minorVersion}`);
  }
  const status = reader.status;
  if (status < 100) return refused('bad_status_line', `status ${status}`);
  const fault = readBodyFraming(reader, framing, bothAllowed);
  if (fault !== undefined) return fault;
  let contentLength = framing.contentLength;

  let options = 0;
  let closes = false;
  if (reader.kinds & (hopKinds | (1 << hostField))) {
    if (reader.kinds & (1 << connectionField)) options = readConnectionOptions(reader);
    if (status === 101 && !confirmsUpgrade(reader, upgrade)) {
      return refused('unexpected_upgrade', '101 to a protocol that was not asked for');
    }
    if (reader.kinds & (1 << hopField)) closes = closesByProxyConnection(reader);
    settleHopFields(reader, status);
  } else if (status === 101) return refused('unexpected_upgrade', '101 without Upgrade');
  framing.keepAlive = !closes && (options & closeOption) === 0 && (isHttp11 || (options & keepAliveOption) !== 0);

  if (method === 'CONNECT' && status >= 200 && status < 300) {
    // What is announced means nothing: any success makes it a tunnel (RFC 9110 §9.3.6).
    framing.body = bodyUntilClose;
    contentLength = -1;
    dropFields(reader, contentLengthField);
  } else if (status < 200 || status === 204) {
    // These never have a body; one that is announced would be taken for the next answer (RFC 9112 §6.1, RFC 9110 §8.6).
    if (framing.body !== noBody) return refused('body_forbidden', `status ${status} with a body`);
    contentLength = -1;
    dropFields(reader, contentLengthField);
  } else if (method === 'HEAD' || status === 304) framing.body = noBody;
  else if (framing.body === noBody && framing.contentLength < 0) {
    framing.body = bodyUntilClose;
    framing.keepAlive = false;
  }
  return new Http1ResponseHead(reader, contentLength, forwardReason);
}

function confirmsUpgrade(reader: HeadReader, upgrade: string | undefined): boolean {
  if (upgrade === undefined || (reader.kinds & (1 << upgradeField)) === 0) return false;
  if (reader.repeatedKinds & (1 << upgradeField)) return false;
  const at = fieldOf(reader, upgradeField);
  return reader.bytes.toString('latin1', reader.fields[at + 3]!, reader.fields[at + 4]!).toLowerCase() === upgrade;
}

function settleHopFields(reader: HeadReader, status: number): void {
  const { fields, fieldsLength } = reader;
  for (let at = 0; at < fieldsLength; at += fieldWidth) {
    switch (fields[at]) {
      case transferEncodingField:
      case connectionField:
      case hopField:
      case teField:
        fields[at] = droppedField;
        break;
      case upgradeField:
        // 426 tells the client what to upgrade to; elsewhere it is an offer that is not ours to make.
        fields[at] = status === 101 || status === 426 ? plainField : droppedField;
        break;
      case hostField:
      case expectField:
        fields[at] = plainField;
        break;
      default:
        break;
    }
  }
}
