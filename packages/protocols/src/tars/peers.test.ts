import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './tars.ts';

/** What npm's own Tars package makes of packets. */
interface Message {
  readonly iRequestId: number;
  readonly origin: { readonly iVersion: number; readonly sFuncName: string };
  iResultCode: number;
  sResultDesc: string;
  appBuffer?: unknown;
  property?: object;
}

interface Parser extends EventEmitter {
  compose(message: object): Buffer;
  feed(bytes: Buffer): void;
  _version?: number;
}

interface TarsPackage {
  readonly rpc: { readonly client: new () => Parser; readonly server: new () => Parser };
  readonly stream: {
    readonly BinBuffer: { from(text: string): unknown };
    readonly UniAttribute: new () => {
      tupVersion: number;
      writeString(name: string, value: string): void;
      encode(): unknown;
    };
  };
}

function tarsPackage(): TarsPackage | undefined {
  const require = createRequire(import.meta.url);
  try {
    return { rpc: require('@tars/rpc/core/rpc-tars'), stream: require('@tars/stream') };
  } catch {
    return undefined;
  }
}

const skip = tarsPackage() === undefined ? '@tars/rpc is not installed' : false;

for (const version of [1, 2, 3]) {
  test(`@tars/rpc calls itself through both codecs, version ${version}`, { skip }, () => {
    const { rpc, stream } = tarsPackage()!;
    const body = () => {
      if (version === 1) return stream.BinBuffer.from('x'.repeat(300));
      const attributes = new stream.UniAttribute();
      attributes.tupVersion = version;
      attributes.writeString('name', 'ann');
      return attributes.encode();
    };
    const caller = new rpc.client();
    caller._version = version;
    const answers: Message[] = [];
    caller.on('message', (message: Message) => answers.push(message));
    const callee = new rpc.server();
    const client = new ScriptedClient(protocol);
    callee.on('message', (message: Message) => {
      message.appBuffer = body();
      message.property = { context: { server: 's1' } };
      if (message.origin.sFuncName === 'fail') {
        message.iResultCode = -99;
        message.sResultDesc = 'thrown';
      }
      client.codec.receive(callee.compose(message));
    });
    const server = new ScriptedServer(protocol);
    server.onCall = (call) => {
      if (call.head.path === '/nobody') {
        call.stream.sendReply({
          status: 503,
          body: 'nobody is there',
          details: '',
          flags: ResponseFlag.noHealthyUpstream,
        });
        return;
      }
      call.head.set('x-trace', 'abc');
      client.forward(call);
    };
    const names = ['get', 'fail', 'nobody'];
    names.forEach((sFuncName, at) => {
      const property = { iVersion: version, context: { Tenant: 'a' } };
      const call = {
        property,
        iTimeout: 3000,
        iRequestId: 40_000 + at,
        sServantName: 'A.B.C',
        sFuncName,
        appBuffer: body(),
      };
      server.codec.receive(caller.compose(call));
    });
    callee.feed(client.connection.take());
    caller.feed(server.connection.take());
    assert.deepEqual([...server.faults, ...client.faults], []);
    answers.sort((a, b) => a.iRequestId - b.iRequestId);
    assert.deepEqual(
      answers.map(({ iRequestId, iResultCode, origin }) => [iRequestId, iResultCode, origin.iVersion]),
      [
        [40_000, 0, version],
        [40_001, -99, version],
        [40_002, -10, version],
      ],
    );
    if (version === 1) assert.equal(answers[2]!.sResultDesc, '503|nobody is there');
    assert.deepEqual(
      server.calls.map(({ head, response }) => [
        head.authority,
        head.get('tenant'),
        head.timeoutMs,
        response?.nativeStatus,
      ]),
      [
        ['A.B.C', 'a', 3000, 0],
        ['A.B.C', 'a', 3000, -99],
        ['A.B.C', 'a', 3000, undefined],
      ],
    );
  });
}
