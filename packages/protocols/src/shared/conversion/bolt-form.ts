import type { ResponseHead } from '@sofamesh/contract/message';
import { ByteWriter, readUint16, writeUint32 } from '../byte-writer.ts';
import { crc32 } from '../crc32.ts';
import { Hessian2DraftReader } from '../hessian2/draft-reader.ts';
import { Hessian2DraftWriter } from '../hessian2/draft-writer.ts';
import { HessianList, HessianObject, type HessianValue } from '../hessian2/value.ts';
import { bad } from '../hessian2/value-reader.ts';
import { type CallForm, exceptionOf, type IncomingCall, type OutgoingCall, type Reply, textOr } from './call-form.ts';
import { badRequest } from './fault.ts';
import { classNameOf } from './java-type.ts';

const requestClass = 'com.alipay.sofa.rpc.core.request.SofaRequest';
const responseClass = 'com.alipay.sofa.rpc.core.response.SofaResponse';
/** In the order in which SOFARPC for Java writes them. */
const requestFields = ['targetAppName', 'methodName', 'targetServiceUniqueName', 'requestProps', 'methodArgSigs'];
const responseFields = ['isError', 'errorMsg', 'appResponse', 'responseProps'];

const hessian2 = 1;
const requestCommand = 1;
const responseCommand = 2;
const oneWayType = 2;
const requestType = 1;
/** sofa-bolt reads the length of the header block as a signed number. */
const headerBytesMax = 0x7fff;
const defaultVersion = '1.0';

/** Calls of SOFARPC with hessian2 in bolt (the frame: packages/protocols/src/bolt/frame.ts). */
export const boltForm: CallForm = {
  encodeCall({ rule, args, timeoutMs, headers }: OutgoingCall): Buffer {
    const unique = [rule.interface, rule.version || defaultVersion, ...(rule.group === '' ? [] : [rule.group])].join(
      ':',
    );
    const signatures = new HessianList(
      rule.parameters.map(({ type }) => classNameOf(type)),
      '[string',
    );
    const content = new Hessian2DraftWriter();
    content.write(new HessianObject(requestClass, requestFields, [null, rule.method, unique, null, signatures]));
    for (const each of args) content.write(each);
    const block = headerBlock([
      ...headers,
      ['service', unique],
      ['sofa_head_target_service', unique],
      ['sofa_head_method_name', rule.method],
      ['type', rule.oneWay ? 'oneway' : 'sync'],
    ]);
    if (block.length > headerBytesMax) throw badRequest(`the headers exceed ${headerBytesMax} bytes`);
    const bytes = new ByteWriter(1024);
    bytes.uint16((1 << 8) | (rule.oneWay ? oneWayType : requestType));
    bytes.uint16(requestCommand);
    bytes.byte(1);
    bytes.uint32(0);
    bytes.byte(hessian2);
    bytes.uint32(timeoutMs);
    return finish(bytes, requestClass, block, content.finish());
  },

  readReply({ nativeStatus, body = Buffer.alloc(0) }: ResponseHead): Reply {
    if (nativeStatus !== 0) return { kind: 'failure', message: failureText(body) };
    const response = new Hessian2DraftReader(body).read();
    if (!(response instanceof HessianObject) || response.className !== responseClass) throw bad('is no SofaResponse');
    if (response.get('isError') === true) return { kind: 'failure', message: textOr(response.get('errorMsg'), '') };
    const value = response.get('appResponse') ?? null;
    const thrown = exceptionOf(value);
    return thrown === undefined ? { kind: 'value', value } : { kind: 'exception', ...thrown };
  },

  readCall(frame: Buffer): IncomingCall {
    const shift = frame[0] === 2 ? 1 : 0;
    if (frame[9 + shift] !== hessian2) throw bad('is in another serialization');
    const lengthsAt = 14 + 2 * shift;
    const content = lengthsAt + 8 + readUint16(frame, lengthsAt) + readUint16(frame, lengthsAt + 2);
    const length = frame.readUInt32BE(lengthsAt + 4);
    const reader = new Hessian2DraftReader(frame.subarray(0, content + length), content);
    const request = reader.read();
    if (!(request instanceof HessianObject) || request.className !== requestClass) throw bad('is no SofaRequest');
    const signatures = request.get('methodArgSigs');
    const args = signatures instanceof HessianList ? signatures.items.map(() => reader.read()) : [];
    return { args, method: undefined };
  },

  encodeValue: (call, value) => encodeResponse(call, value),
  encodeException: (call, exception) => encodeResponse(call, exception),
};

function encodeResponse(call: Buffer, value: HessianValue): Buffer {
  const content = new Hessian2DraftWriter();
  content.write(new HessianObject(responseClass, responseFields, [false, null, value, null]));
  const isV2 = call[0] === 2;
  const at = isV2 ? 6 : 5;
  const bytes = new ByteWriter(1024);
  bytes.byte(call[0]!);
  if (isV2) bytes.byte(call[1]!);
  bytes.byte(0);
  bytes.uint16(responseCommand);
  bytes.byte(1);
  bytes.copy(call, at, at + 4);
  bytes.byte(hessian2);
  if (isV2) bytes.byte(call[11]!);
  bytes.uint16(0);
  const frame = finish(bytes, responseClass, Buffer.alloc(0), content.finish());
  return isV2 && call[1] === 2 && (call[11]! & 1) === 1 ? withChecksum(frame) : frame;
}

/** Lengths and what they are of, behind what was written. */
function finish(bytes: ByteWriter, className: string, block: Buffer, content: Buffer): Buffer {
  bytes.uint16(className.length);
  bytes.uint16(block.length);
  bytes.uint32(content.length);
  bytes.utf8(className);
  bytes.copy(block, 0, block.length);
  bytes.copy(content, 0, content.length);
  return bytes.finish();
}

function withChecksum(frame: Buffer): Buffer {
  const sealed = Buffer.concat([frame, Buffer.alloc(4)]);
  writeUint32(sealed, frame.length, crc32(frame));
  return sealed;
}

function headerBlock(entries: readonly (readonly [name: string, value: string])[]): Buffer {
  const bytes = new ByteWriter();
  for (const text of entries.flat()) {
    bytes.uint32(Buffer.byteLength(text));
    bytes.utf8(text);
  }
  return bytes.finish();
}

/** Of an error: a text, an exception, or nothing that can be read. */
function failureText(content: Buffer): string {
  if (content.length === 0) return '';
  try {
    const value = new Hessian2DraftReader(content).read();
    if (typeof value === 'string') return value;
    return value instanceof HessianObject ? textOr(value.get('detailMessage') ?? value.get('errorMsg'), '') : '';
  } catch {
    return '';
  }
}
