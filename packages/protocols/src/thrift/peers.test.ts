import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './thrift.ts';

/** What npm's own Thrift package has of use here. */
interface ThriftPackage {
  readonly TFramedTransport: TransportKind;
  readonly TBufferedTransport: TransportKind;
  readonly TBinaryProtocol: ProtocolKind;
  readonly TCompactProtocol: ProtocolKind;
  readonly THeaderProtocol: ProtocolKind;
  readonly Thrift: { TApplicationException: new (type: number, message: string) => ApplicationException };
}

interface TransportKind {
  new (buffer: undefined, onFlush: (bytes: Buffer) => void): Transport;
  receiver(callback: (transport: Transport) => void): (bytes: Buffer) => void;
}

interface Transport {
  setWriteHeader(name: string, value: string): void;
  setProtocolId(id: number): void;
}

type ProtocolKind = new (transport: Transport) => WireProtocol;

interface WireProtocol {
  writeMessageBegin(name: string, type: number, id: number): void;
  writeStructBegin(name: string): void;
  writeFieldBegin(name: string, type: number, id: number): void;
  writeString(text: string): void;
  writeFieldEnd(): void;
  writeFieldStop(): void;
  writeStructEnd(): void;
  writeMessageEnd(): void;
  flush(): void;
  readMessageBegin(): { fname: string; mtype: number; rseqid: number };
  readStructBegin(): void;
  readFieldBegin(): { ftype: number; fid: number };
  readString(): string;
}

interface ApplicationException {
  readonly type: number;
  readonly message: string;
  read(input: WireProtocol): void;
  write(output: WireProtocol): void;
}

function thriftPackage(): ThriftPackage | undefined {
  try {
    return createRequire(import.meta.url)('thrift');
  } catch {
    return undefined;
  }
}

const skip = thriftPackage() === undefined ? 'thrift is not installed' : false;

test('npm thrift calls itself through both codecs, and reads the answers of the proxy', { skip }, () => {
  const { TFramedTransport, TBufferedTransport, TBinaryProtocol, TCompactProtocol, THeaderProtocol, Thrift } =
    thriftPackage()!;
  const ways: readonly (readonly [transport: TransportKind, wire: ProtocolKind, header?: number])[] = [
    [TFramedTransport, TBinaryProtocol],
    [TFramedTransport, TCompactProtocol],
    [TBufferedTransport, TBinaryProtocol],
    [TBufferedTransport, TCompactProtocol],
    [TBufferedTransport, THeaderProtocol, 0],
    [TBufferedTransport, THeaderProtocol, 2],
  ];
  for (const [TransportKind, Wire, header] of ways) {
    const write = (act: (wire: WireProtocol) => void): Buffer => {
      const written: Buffer[] = [];
      const transport = new TransportKind(undefined, (bytes) => written.push(Buffer.from(bytes)));
      if (header !== undefined) {
        transport.setProtocolId(header);
        transport.setWriteHeader('Tenant', 'a');
      }
      const wire = new Wire(transport);
      act(wire);
      wire.flush();
      return Buffer.concat(written);
    };
    const message = (name: string, type: number, id: number, field: number, text: string) =>
      write((wire) => {
        wire.writeMessageBegin(name, type, id);
        wire.writeStructBegin('values');
        wire.writeFieldBegin('text', 11, field);
        wire.writeString(text);
        wire.writeFieldEnd();
        wire.writeFieldStop();
        wire.writeStructEnd();
        wire.writeMessageEnd();
      });
    const read = (bytes: Buffer) => {
      const seen: { name: string; type: number; id: number; text: string; exception?: number }[] = [];
      TransportKind.receiver((transport) => {
        const wire = new Wire(transport);
        const { fname: name, mtype: type, rseqid: id } = wire.readMessageBegin();
        if (type === 3) {
          const exception = new Thrift.TApplicationException(0, '');
          exception.read(wire);
          seen.push({ name, type, id, text: exception.message, exception: exception.type });
        } else {
          wire.readStructBegin();
          wire.readFieldBegin();
          seen.push({ name, type, id, text: wire.readString() });
        }
      })(bytes);
      return seen;
    };
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.onCall = (call) => client.forward(call);
    for (const [id, text] of ['', 'hello', 'größe 😀'.repeat(50)].entries()) {
      server.codec.receive(message('Users:getUser', 1, 500 + id, 1, text));
      assert.deepEqual(server.faults, []);
      const { head } = server.lastCall;
      assert.deepEqual([head.authority, head.path], ['Users', '/getUser']);
      assert.equal(head.get('tenant'), header === undefined ? undefined : 'a');
      const [arrived] = read(client.connection.take());
      assert.deepEqual([arrived?.name, arrived?.type, arrived?.text], ['Users:getUser', 1, text]);
      client.codec.receive(message('getUser', 2, arrived!.id, 0, `to ${text}`));
      assert.deepEqual(read(server.connection.take()), [
        { name: 'getUser', type: 2, id: 500 + id, text: `to ${text}` },
      ]);
      assert.deepEqual([server.lastCall.response!.status, server.lastCall.response!.applicationError], [200, false]);
    }
    server.onCall = (call) => call.stream.sendReply({ status: 404, body: 'no such route', details: '', flags: 0 });
    server.codec.receive(message('Users:getUser', 1, 7, 1, 'x'));
    assert.deepEqual(read(server.connection.take()), [
      { name: 'getUser', type: 3, id: 7, text: '404|no such route', exception: 1 },
    ]);
  }
});
