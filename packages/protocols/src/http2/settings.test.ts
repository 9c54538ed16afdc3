import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './http2.ts';
import { framesIn, settings, windowUpdate } from './sample-frames.test.ts';
import { defaultHttp2Settings, http2Settings } from './settings.ts';

test('defaults are in the place of what is absent', () => {
  assert.deepEqual(http2Settings(undefined), defaultHttp2Settings);
  assert.deepEqual(http2Settings({}), defaultHttp2Settings);
  assert.deepEqual(http2Settings({ maxConcurrentStreams: 7, allowConnect: true }), {
    ...defaultHttp2Settings,
    maxConcurrentStreams: 7,
    allowConnect: true,
  });
});

test('what cannot be is refused by name', () => {
  for (const [field, value] of Object.entries({
    hpackTableSize: -1,
    maxConcurrentStreams: 0,
    initialStreamWindowSize: 65_534,
    initialConnectionWindowSize: 2 ** 31,
    maxFrameSize: 16_383,
    allowConnect: 'yes',
    maxOutboundFrames: 0,
    maxInboundPriorityFramesPerStream: 1.5,
    overrideStreamErrorOnInvalidHttpMessage: 1,
  })) {
    assert.throws(() => http2Settings({ [field]: value }), { code: 'bad_settings', message: new RegExp(field) });
  }
  assert.throws(() => http2Settings('http2'), { code: 'bad_settings' });
});

test('a server begins with its settings and the window of the connection', () => {
  const given = {
    hpackTableSize: 1024,
    maxConcurrentStreams: 5,
    initialStreamWindowSize: 70_000,
    initialConnectionWindowSize: 80_000,
    maxFrameSize: 20_000,
    allowConnect: true,
  };
  assert.deepEqual(
    new ScriptedServer(protocol, given).connection.take(),
    Buffer.concat([
      settings([1, 1024], [3, 5], [4, 70_000], [5, 20_000], [6, defaultCodecLimits.headBytesMax], [8, 1]),
      windowUpdate(0, 80_000 - 65_535),
    ]),
  );
});

test('a client begins with the preface and wants no pushes', () => {
  const written = new ScriptedClient(protocol, { initialConnectionWindowSize: 65_535 }).connection.take();
  assert.equal(written.toString('latin1', 0, 24), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  assert.deepEqual(written.subarray(24), settings([2, 0], [4, 262_144], [6, defaultCodecLimits.headBytesMax]));
});

test('settings are acknowledged, each of them', () => {
  const server = new ScriptedServer(protocol);
  server.connection.take();
  server.codec.receive(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
  server.codec.receive(Buffer.concat([settings(), settings([1, 0])]));
  assert.deepEqual(
    framesIn(server.connection.take()).map(({ type, flags }) => [type, flags]),
    [
      [4, 1],
      [4, 1],
    ],
  );
});
