import type { ResponseHead } from '@sofamesh/contract/message';
import { ByteWriter, writeUint32 } from '../byte-writer.ts';
import { Hessian2Reader } from '../hessian2/reader.ts';
import { HessianList, HessianMap, type HessianObject, type HessianValue } from '../hessian2/value.ts';
import { bad } from '../hessian2/value-reader.ts';
import { Hessian2Writer } from '../hessian2/writer.ts';
import { type CallForm, exceptionOf, type IncomingCall, type OutgoingCall, type Reply, textOr } from './call-form.ts';
import { descriptorOf } from './java-type.ts';

const headBytes = 16;
const serializationMask = 0x1f;
const hessian2 = 2;
const twoWayRequest = 0xc0 | hessian2;
const oneWayRequest = 0x80 | hessian2;
const okStatus = 20;
/** The version of the protocol, as Dubbo counts it. */
const protocolVersion = '2.0.2';

const genericMethod = '$invoke';
const genericTypes = 'Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;';

/** Kinds of a reply; those with attachments are three more. */
const exceptionKind = 0;
const valueKind = 1;
const nullKind = 2;

/** Calls of Dubbo 2 with hessian2 (the frame: packages/protocols/src/dubbo/frame.ts). */
export const dubboForm: CallForm = {
  encodeCall({ rule, args, timeoutMs, headers }: OutgoingCall): Buffer {
    const types = rule.parameters.map(({ type }) => type);
    const writer = begin(rule.oneWay ? oneWayRequest : twoWayRequest, 0, noId);
    for (const text of [protocolVersion, rule.interface, rule.version]) writer.write(text);
    writer.write(rule.generic ? genericMethod : rule.method);
    writer.write(rule.generic ? genericTypes : types.map(descriptorOf).join(''));
    if (rule.generic) {
      writer.write(rule.method);
      writer.write(
        new HessianList(
          types.map(({ name }) => name),
          '[string',
        ),
      );
      writer.write(new HessianList([...args], '[object'));
    } else for (const each of args) writer.write(each);
    writer.write(attachments(rule.interface, rule.version, rule.group, rule.generic, timeoutMs, headers));
    return finish(writer);
  },

  readReply({ nativeStatus, body = Buffer.alloc(0) }: ResponseHead): Reply {
    const reader = new Hessian2Reader(body);
    if (nativeStatus !== okStatus)
      return { kind: 'failure', message: textOr(body.length > 0 ? reader.read() : null, '') };
    const kind = reader.read();
    switch (typeof kind === 'number' && kind <= 5 ? kind % 3 : kind) {
      case valueKind:
        return { kind: 'value', value: reader.read() };
      // dubbo-remoting answers with a null alone.
      case null:
      case nullKind:
        return { kind: 'value', value: null };
      case exceptionKind: {
        const thrown = exceptionOf(reader.read());
        return { kind: 'exception', ...(thrown ?? { className: 'java.lang.Exception', message: '' }) };
      }
      default:
        throw bad('is no reply of Dubbo');
    }
  },

  readCall(frame: Buffer): IncomingCall {
    if ((frame[2]! & serializationMask) !== hessian2) throw bad('is in another serialization');
    const reader = new Hessian2Reader(frame, headBytes);
    for (const _text of ['protocol version', 'interface']) reader.text();
    // The version may be null.
    reader.read();
    const method = reader.text();
    const args = argumentNames(reader.text()).map(() => reader.read());
    if (method !== genericMethod && method !== '$invokeAsync') return { args, method: undefined };
    const [name, , given] = args;
    if (typeof name !== 'string' || !(given instanceof HessianList || given === null)) throw bad('is no generic call');
    return { args: given?.items ?? [], method: name };
  },

  encodeValue(call: Buffer, value: HessianValue): Buffer {
    const writer = begin(hessian2, okStatus, call);
    writer.write(value === null ? nullKind : valueKind);
    if (value !== null) writer.write(value);
    return finish(writer);
  },

  encodeException(call: Buffer, exception: HessianObject): Buffer {
    const writer = begin(hessian2, okStatus, call);
    writer.write(exceptionKind);
    writer.write(exception);
    return finish(writer);
  },
};

function attachments(
  path: string,
  version: string,
  group: string,
  generic: boolean,
  timeoutMs: number,
  headers: readonly (readonly [string, string])[],
): HessianMap {
  const entries: [string, string][] = headers.map(([name, value]) => [name, value]);
  entries.push(['path', path], ['interface', path]);
  if (version !== '') entries.push(['version', version]);
  if (group !== '') entries.push(['group', group]);
  if (generic) entries.push(['generic', 'true']);
  entries.push(['timeout', String(timeoutMs)]);
  return new HessianMap(entries);
}

/** Each parameter of `Ljava/lang/String;[I`. */
function argumentNames(descriptor: string): string[] {
  const names = descriptor.match(/\[*(?:L[^;]*;|[ZBCDFIJSV])/g) ?? [];
  if (names.join('') !== descriptor) throw bad('has parameter types that cannot be read');
  return names;
}

const noId = Buffer.alloc(12);

/** The head of a frame, with the id of another one. */
function begin(flag: number, status: number, like: Buffer): Hessian2Writer {
  const bytes = new ByteWriter();
  bytes.uint32(0xdabb0000 + (flag << 8) + status);
  bytes.copy(like, 4, headBytes - 4);
  bytes.uint32(0);
  return new Hessian2Writer(bytes);
}

function finish(writer: Hessian2Writer): Buffer {
  const frame = writer.finish();
  writeUint32(frame, headBytes - 4, frame.length - headBytes);
  return frame;
}
