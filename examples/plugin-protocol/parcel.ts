// A plug-in: a protocol and a filter in one file. Types come from the project, code by `kit`; nothing else is needed.
import type { FrameFormat } from '@sofamesh/contract/frame-format';
import type { PluginFilter } from '@sofamesh/contract/plugin';
import type { KitPlugin } from '@sofamesh/protocols/kit';

/*
 * Frames of the protocol, big-endian:
 *
 *      0        2      3               4      8                    12
 *     ┌────────┬──────┬───────────────┬──────┬────────────────────┬─────────────┬──────┐
 *     │ "PC"   │ type │ method length │ id   │ length of the rest │ method name │ body │
 *     └────────┴──────┴───────────────┴──────┴────────────────────┴─────────────┴──────┘
 *
 * Types: Q question, A answer, E error (its body says why).
 */
const headBytes = 12;
const magic = Buffer.from('PC');
const Type = { question: 0x51, answer: 0x41, error: 0x45 };

interface DenyConfig {
  readonly methods: readonly string[];
}

const plugin: KitPlugin = (kit, config) => {
  // What stands in the bootstrap beside the path of this file.
  const { service = 'parcel.Office' } = config as { service?: string };

  const newFrame = (type: number, id: number | bigint, method: string, body: Buffer): Buffer => {
    const name = Buffer.from(method);
    const head = Buffer.alloc(headBytes);
    magic.copy(head);
    head[2] = type;
    head[3] = name.length;
    head.writeUInt32BE(Number(id), 4);
    head.writeUInt32BE(name.length + body.length, 8);
    return Buffer.concat([head, name, body]);
  };
  const methodOf = (frame: Buffer) => frame.toString('utf8', headBytes, headBytes + frame[3]!);
  const bodyOf = (frame: Buffer) => frame.subarray(headBytes + frame[3]!);

  const format: FrameFormat = {
    name: 'parcel',
    headBytes,
    detect(prefix) {
      const seen = Math.min(prefix.length, magic.length);
      if (!prefix.subarray(0, seen).equals(magic.subarray(0, seen))) return 'mismatch';
      return seen < magic.length ? 'more' : 'match';
    },
    length(bytes, at, end) {
      if (bytes[at] !== magic[0]) return { code: 'bad_magic', message: 'a frame begins with PC' };
      return end - at < headBytes ? 0 : headBytes + kit.readUint32(bytes, at + 8);
    },
    kind(frame) {
      if (frame[2] === Type.question) return headBytes + frame[3]! <= frame.length ? 'request' : 'unreadable';
      return frame[2] === Type.answer || frame[2] === Type.error ? 'reply' : 'ignored';
    },
    readId: (frame) => kit.readUint32(frame, 4),
    writeId(frame, id) {
      kit.writeUint32(frame, 4, Number(id));
      return frame;
    },
    service: () => service,
    method: methodOf,
    body: bodyOf,
    status: (reply) => (reply[2] === Type.error ? 1 : 0),
    errorReply: (_request, id, reply) => newFrame(Type.error, id, '', Buffer.from(`${reply.status} ${reply.body}`)),
    rebuild: (frame, edits) => newFrame(frame[2]!, 0, edits.method ?? methodOf(frame), edits.body ?? bodyOf(frame)),
  };

  /** Answers calls of some methods with an error of its own. */
  const deny: PluginFilter<DenyConfig> = {
    name: 'parcel.filters.deny',
    readConfig(json) {
      const { methods } = json as Partial<DenyConfig>;
      if (!Array.isArray(methods)) throw new kit.CodedError('bad_config', 'methods must be a list of names');
      return { methods };
    },
    prepare({ methods }) {
      const denied = new Set(methods.map((method) => `/${method}`));
      return () => ({
        onRequestHead(head, exchange) {
          if (denied.has(head.path)) exchange.reply({ status: 403, body: 'not for you', details: 'denied', flags: 0 });
          return undefined;
        },
      });
    },
  };

  return { name: 'parcel', protocols: [kit.frameProtocol(format)], filters: [deny] };
};

export default plugin;
