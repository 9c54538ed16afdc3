import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LocalReply } from '@sofamesh/contract/message';
import { settled } from '@sofamesh/testkit/protocol-suite/bench';
import { type ScriptedCall, ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './http1.ts';
import { message, plainRequest, plainResponse } from './sample-messages.test.ts';

const reply: LocalReply = { status: 200, body: 'ok', details: '', flags: 0 };
const get = message('GET / HTTP/1.1', 'Host: a', '', '');

function serve(request: Buffer, settings?: object): { server: ScriptedServer; call: ScriptedCall } {
  const server = new ScriptedServer(protocol, settings);
  server.codec.receive(Buffer.from(request));
  return { server, call: server.lastCall };
}

function relay(request: Buffer, settings?: object) {
  const { server, call } = serve(request, settings);
  const client = new ScriptedClient(protocol, settings);
  client.forward(call);
  return { server, client, call };
}

function linesOf(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\r\n');
}

describe('life of a connection', () => {
  test('HTTP/1.0 is refused unless it is allowed', () => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(message('GET / HTTP/1.0', 'Host: a', '', ''));
    const lines = linesOf(server.connection.take());
    assert.equal(lines[0], 'HTTP/1.1 426 Upgrade Required');
    assert.ok(lines.includes('upgrade: HTTP/1.1') && lines.includes('connection: upgrade, close'));
    assert.equal(server.connection.closed, 'flush');
    assert.equal(server.faults[0]?.code, 'http10_refused');
  });

  test('Proxy-Connection: close is taken for Connection: close, on both sides', () => {
    const { server, call } = serve(message('GET / HTTP/1.1', 'Host: a', 'Proxy-Connection: close', '', ''));
    call.stream.sendReply(reply);
    assert.ok(linesOf(server.connection.take()).includes('connection: close'));
    assert.equal(server.connection.closed, 'flush');
    const { client } = relay(get);
    client.codec.receive(message('HTTP/1.1 200 OK', 'proxy-connection: close', 'content-length: 0', '', ''));
    assert.equal(client.codec.retired, true);
  });

  test('an answer that ends in its head breaks the protocol, and so does one above a limit', () => {
    for (const end of ['end', 'close'] as const) {
      const { client, call } = relay(get);
      client.codec.receive(Buffer.from('HTTP/1.1 200 O'));
      if (end === 'end') client.codec.receiveEnd();
      else client.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
      assert.equal(call.responseReset, 'protocol-error');
    }
    const { client, call } = relay(get);
    const fields = Array.from({ length: 101 }, (_, at) => `x-${at}: 1`);
    client.codec.receive(message('HTTP/1.1 200 OK', ...fields, '', ''));
    assert.equal(call.responseReset, 'protocol-error');
  });

  test('HTTP/1.0 keeps its connection only where it asks for it', () => {
    const settings = { acceptHttp10: true };
    const plain = serve(message('GET / HTTP/1.0', 'Host: a', '', ''), settings);
    plain.call.stream.sendReply(reply);
    assert.match(
      plain.server.connection.take().toString(),
      /^HTTP\/1\.0 200 OK\r\n(?:.+\r\n)*connection: close\r\n\r\nok$/,
    );
    assert.equal(plain.server.connection.closed, 'flush');
    const kept = serve(message('GET / HTTP/1.0', 'Host: a', 'Connection: Keep-Alive', '', ''), settings);
    kept.call.stream.sendReply(reply);
    assert.match(kept.server.connection.take().toString(), /connection: keep-alive\r\n\r\nok$/);
    assert.equal(kept.server.connection.closed, undefined);
  });

  test('an answer without length to HTTP/1.0 ends with the connection, and a broken one with a reset', () => {
    const request = message('GET / HTTP/1.0', 'Host: a', 'Connection: keep-alive', '', '');
    const answer = message('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '2', 'ab', '');
    const { server, client, call } = relay(request, { acceptHttp10: true });
    client.codec.receive(answer);
    assert.deepEqual(linesOf(server.connection.take()), ['HTTP/1.0 200 OK', 'connection: close', '', 'ab']);
    client.codec.receive(message('0', '', ''));
    assert.equal(server.connection.take().length, 0);
    assert.equal(server.connection.closed, 'flush');
    const broken = relay(request, { acceptHttp10: true });
    broken.client.codec.receive(answer);
    broken.call.stream.reset('connection-termination');
    assert.equal(broken.server.connection.closed, 'reset');
    assert.equal(call.responseEnded, true);
  });

  test('HTTP/1.0 without Host has the authority that is configured', () => {
    const request = message('GET / HTTP/1.0', '', '');
    assert.equal(serve(request, { acceptHttp10: true, defaultHostForHttp10: 'd' }).call.head.authority, 'd');
    const server = new ScriptedServer(protocol, { acceptHttp10: true });
    server.codec.receive(request);
    assert.equal(server.faults[0]?.code, 'missing_host');
  });

  test('a client that asks for the end gets it with the answer', () => {
    const { server, client, call } = relay(message('GET / HTTP/1.1', 'Host: a', 'Connection: close', '', ''));
    assert.deepEqual(linesOf(client.connection.take()), ['GET / HTTP/1.1', 'host: a', '', '']);
    call.stream.sendReply(reply);
    assert.ok(linesOf(server.connection.take()).includes('connection: close'));
    assert.equal(server.connection.closed, 'flush');
  });

  test('draining says close on the next answer', async () => {
    const { server, call } = serve(get);
    server.codec.goAway();
    call.stream.sendReply(reply);
    assert.ok(linesOf(server.connection.take()).includes('connection: close'));
    assert.equal(server.connection.closed, 'flush');
    assert.equal(server.drained, 1);
  });

  test('draining serves requests that were sent together, and says close on the last answer only', async () => {
    const { server } = serve(Buffer.concat([get, get, get]));
    server.codec.goAway();
    for (let at = 0; at < 3; at++) {
      assert.equal(server.calls.length, at + 1);
      server.lastCall.stream.sendReply(reply);
      await settled();
      assert.equal(linesOf(server.connection.take()).includes('connection: close'), at === 2);
    }
    assert.equal(server.drained, 1);
    assert.equal(server.connection.closed, 'flush');
  });

  test('draining that is over serves the request that has begun and no other', async () => {
    const { server } = serve(Buffer.concat([get, get]));
    server.codec.goAway();
    server.codec.goAway();
    server.lastCall.stream.sendReply(reply);
    await settled();
    assert.ok(linesOf(server.connection.take()).includes('connection: close'));
    assert.deepEqual([server.calls.length, server.drained, server.connection.closed], [1, 1, 'flush']);
    const half = new ScriptedServer(protocol);
    half.codec.receive(Buffer.from('GET / HT'));
    half.codec.goAway();
    assert.equal(half.connection.closed, undefined);
    half.codec.goAway();
    assert.equal(half.connection.closed, 'flush');
  });

  test('draining in the middle of an answer ends with it', () => {
    const { server, client } = relay(get);
    client.codec.receive(Buffer.from(plainResponse.subarray(0, -2)));
    server.codec.goAway();
    assert.equal(server.drained, 0);
    client.codec.receive(Buffer.from(plainResponse.subarray(-2)));
    assert.equal(server.drained, 1);
    assert.equal(server.connection.closed, 'flush');
  });

  test('a client that has shut its side is taken to be gone, unless that is to be served', () => {
    const gone = serve(get);
    gone.server.codec.receiveEnd();
    assert.equal(gone.call.requestReset, 'connection-termination');
    assert.equal(gone.server.connection.closed, 'flush');
    const served = serve(get, { serveHalfClosed: true });
    served.server.codec.receiveEnd();
    assert.equal(served.call.requestReset, undefined);
    served.call.stream.sendReply(reply);
    assert.ok(linesOf(served.server.connection.take()).includes('connection: close'));
    assert.equal(served.server.connection.closed, 'flush');
  });

  test('bytes that come before a request was written are no answer to it', () => {
    const { call } = serve(get);
    const client = new ScriptedClient(protocol);
    client.connection.bufferedBytes = get.length;
    client.forward(call);
    client.codec.receive(Buffer.from(plainResponse));
    assert.equal(client.unsolicited, 1);
    assert.equal(call.responseReset, 'refused');
    assert.equal(client.connection.closed, 'now');
    assert.equal(client.codec.retired, true);
  });
});

describe('early answers', () => {
  test('a small rest of the request is read and dropped, and the connection kept', async () => {
    const { server, call } = serve(plainRequest.subarray(0, -4));
    call.stream.sendReply(reply);
    assert.ok(!linesOf(server.connection.take()).includes('connection: close'));
    server.codec.receive(Buffer.concat([plainRequest.subarray(-4), get]));
    await settled();
    assert.equal(server.calls.length, 2);
    assert.equal(call.requestBody.toString(), 'argum');
    assert.equal(server.connection.closed, undefined);
  });

  test('a large rest is not waited for', () => {
    const { server, call } = serve(message('POST / HTTP/1.1', 'Host: a', 'Content-Length: 70000', '', 'x'));
    call.stream.sendReply({ ...reply, status: 413 });
    assert.ok(linesOf(server.connection.take()).includes('connection: close'));
    assert.equal(server.connection.closed, 'flush');
  });

  test('a rest of unknown length is not waited for', () => {
    const { server, call } = serve(message('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', '', ''));
    call.stream.sendReply(reply);
    assert.ok(linesOf(server.connection.take()).includes('connection: close'));
    assert.equal(server.connection.closed, 'flush');
    assert.equal(call.requestData.length, 0);
  });

  for (const framing of ['Content-Length: 70000', 'Transfer-Encoding: chunked']) {
    test(`an answer that begins while a request of ${framing} goes on says what becomes of the connection`, () => {
      const { client, server } = relay(message('POST / HTTP/1.1', 'Host: a', framing, '', ''));
      client.codec.receive(message('HTTP/1.1 200 OK', 'Content-Length: 1', '', ''));
      assert.ok(linesOf(server.connection.take()).includes('connection: close'));
      assert.equal(server.connection.closed, undefined);
      client.codec.receive(Buffer.from('x'));
      assert.equal(server.connection.closed, 'flush');
    });
  }

  test('an upstream that answers early gets no more of the request, and no other one', () => {
    const { client, call, server } = relay(plainRequest.subarray(0, -4));
    client.connection.take();
    client.codec.receive(message('HTTP/1.1 413 Content Too Large', 'Content-Length: 0', '', ''));
    assert.equal(call.responseEnded, true);
    assert.equal(client.codec.retired, true);
    assert.equal(client.connection.closed, 'now');
    server.codec.receive(plainRequest.subarray(-4));
    assert.equal(client.connection.take().length, 0);
  });
});

describe('Expect: 100-continue', () => {
  const request = message('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 4', '', '');

  test('the body is asked for when it is wanted, once', () => {
    const { server, client, call } = relay(request);
    assert.deepEqual(linesOf(server.connection.take()), ['HTTP/1.1 100 Continue', '', '']);
    assert.ok(!linesOf(client.connection.take()).includes('expect: 100-continue'));
    client.codec.receive(message('HTTP/1.1 100 Continue', '', ''));
    assert.equal(server.connection.take().length, 0);
    server.codec.receive(Buffer.from('body'));
    assert.ok(call.requestEnded);
  });

  test('nothing is asked for while the request is paused, or when the body came along', async () => {
    const server = new ScriptedServer(protocol);
    server.onCall = (call) => call.stream.pauseRequest();
    server.codec.receive(Buffer.from(request));
    assert.equal(server.connection.take().length, 0);
    server.lastCall.stream.resumeRequest();
    await settled();
    assert.deepEqual(linesOf(server.connection.take()), ['HTTP/1.1 100 Continue', '', '']);
    const eager = serve(Buffer.concat([request, Buffer.from('body')]));
    assert.equal(eager.server.connection.take().length, 0);
    assert.ok(eager.call.requestEnded);
  });

  test('a final answer instead ends the connection, for nobody knows what follows', () => {
    const server = new ScriptedServer(protocol);
    server.onCall = (call) => call.stream.sendReply({ ...reply, status: 401 });
    server.codec.receive(Buffer.from(request));
    const lines = linesOf(server.connection.take());
    assert.equal(lines[0], 'HTTP/1.1 401 Unauthorized');
    assert.ok(lines.includes('connection: close'));
    assert.equal(server.connection.closed, 'flush');
  });

  test('it is passed on where that is configured, and the answer of the upstream relayed', () => {
    const { server, client } = relay(request, { proxy100Continue: true });
    assert.equal(server.connection.take().length, 0);
    assert.ok(linesOf(client.connection.take()).includes('expect: 100-continue'));
    client.codec.receive(message('HTTP/1.1 100 Go on', '', ''));
    assert.deepEqual(linesOf(server.connection.take()), ['HTTP/1.1 100 Continue', '', '']);
    client.codec.receive(message('HTTP/1.1 100 Continue', '', ''));
    assert.equal(server.connection.take().length, 0);
    server.codec.receive(Buffer.from('body'));
    assert.equal(client.connection.take().toString(), 'body');
    client.codec.receive(Buffer.from(plainResponse));
    assert.match(server.connection.take().toString(), /^HTTP\/1\.1 200 OK\r\n.*answer$/s);
  });

  test('what is expected of nothing is not asked for', () => {
    const { server, call } = serve(message('GET / HTTP/1.1', 'Host: a', 'Expect: 100-continue', '', ''));
    assert.equal(server.connection.take().length, 0);
    assert.equal(call.requestEnded, true);
    assert.equal(call.head.get('expect'), undefined);
  });
});

describe('tunnels', () => {
  const upgrade = message('GET / HTTP/1.1', 'Host: a', 'Connection: upgrade', 'Upgrade: websocket', '', '');
  const switched = message('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', '', '');

  function tunnel() {
    const relayed = relay(upgrade);
    const { server, client } = relayed;
    assert.ok(linesOf(client.connection.take()).includes('connection: upgrade'));
    client.codec.receive(Buffer.from(switched));
    const lines = linesOf(server.connection.take());
    assert.equal(lines[0], 'HTTP/1.1 101 Switching Protocols');
    assert.ok(lines.includes('connection: upgrade') && lines.includes('upgrade: websocket'));
    return relayed;
  }

  test('data that looks like HTTP passes both ways', () => {
    const { server, client } = tunnel();
    for (const bytes of [get, plainRequest, Buffer.from('\0\n\r')]) {
      server.codec.receive(Buffer.from(bytes));
      assert.deepEqual(client.connection.take(), bytes);
      client.codec.receive(Buffer.from(bytes));
      assert.deepEqual(server.connection.take(), bytes);
    }
    assert.equal(server.calls.length, 1);
  });

  test('each direction ends by itself, and the connections with the second', () => {
    const { server, client, call } = tunnel();
    server.codec.receiveEnd();
    assert.equal(client.connection.ended, true);
    assert.equal(client.connection.closed, undefined);
    client.codec.receive(Buffer.from('rest'));
    assert.equal(server.connection.take().toString(), 'rest');
    client.codec.receiveEnd();
    assert.ok(call.responseEnded);
    assert.deepEqual(
      [server.connection.ended, server.connection.closed, client.connection.closed],
      [true, 'flush', 'flush'],
    );
    assert.deepEqual([client.streamEnds, client.codec.activeStreams, server.codec.activeStreams], [1, 0, 0]);
  });

  test('a direction that is lost is told to the other', () => {
    const { server, client, call } = tunnel();
    client.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
    assert.equal(call.responseReset, 'connection-termination');
    call.stream.reset('connection-termination');
    assert.equal(server.connection.closed, 'reset');
  });

  test('what follows the request waits until it is known whose it is', async () => {
    const { server, client, call } = relay(Buffer.concat([upgrade, get]));
    assert.equal(call.requestData.length, 0);
    client.connection.take();
    client.codec.receive(message('HTTP/1.1 403 Forbidden', 'Content-Length: 0', '', ''));
    await settled();
    assert.equal(server.calls.length, 2, 'a refused upgrade leaves HTTP in place');
    assert.equal(client.codec.available, 1);
    const accepted = relay(Buffer.concat([upgrade, Buffer.from('early')]));
    accepted.client.connection.take();
    accepted.client.codec.receive(Buffer.from(switched));
    await settled();
    assert.equal(accepted.client.connection.take().toString(), 'early');
  });

  test('only what was asked for is an upgrade', () => {
    for (const lines of [
      ['Upgrade: websocket'],
      ['Connection: upgrade', 'Upgrade: h2c'],
      ['Connection: upgrade', 'Upgrade: websocket, other'],
      ['Connection: upgrade', 'Upgrade: websocket', 'Upgrade: other'],
      ['Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 1'],
    ]) {
      const { call } = serve(message('GET / HTTP/1.1', 'Host: a', ...lines, '', 'x'));
      assert.equal(call.head.upgrade, undefined, lines.join());
      assert.equal(call.head.get('upgrade'), undefined);
      assert.equal(call.requestEnded, true);
    }
    const { client, call } = relay(upgrade);
    client.codec.receive(message('HTTP/1.1 101 Switching Protocols', 'Upgrade: other', 'Connection: Upgrade', '', ''));
    assert.equal(client.faults[0]?.code, 'unexpected_upgrade');
    assert.equal(call.responseReset, 'protocol-error');
  });
});

test('settings that are none are refused by name', () => {
  for (const [settings, message] of [
    ['x', /not an object/],
    [{ acceptHttp10: 'yes' }, /acceptHttp10 is not a boolean/],
    [{ defaultHostForHttp10: 'a b' }, /defaultHostForHttp10 is not a host/],
    [{ headerKeyFormat: 'upper' }, /headerKeyFormat is not lower, proper or preserve/],
    [{ drainBytesMax: -1 }, /drainBytesMax is not a whole number/],
  ] as const) {
    assert.throws(() => new ScriptedServer(protocol, settings), { code: 'bad_settings', message });
    assert.throws(() => new ScriptedClient(protocol, settings), { code: 'bad_settings', message });
  }
});

test('426 of an upstream says what to upgrade to, and that it is for this hop', () => {
  const { server, client } = relay(get);
  const fields = ['Upgrade: TLS/1.2', 'Connection: Upgrade', 'Content-Length: 0'];
  client.codec.receive(message('HTTP/1.1 426 Upgrade Required', ...fields, '', ''));
  const lines = linesOf(server.connection.take());
  assert.ok(lines.includes('upgrade: TLS/1.2') && lines.includes('connection: upgrade'));
});

describe('a head that is refused', () => {
  test('is answered with what the engine adds, and the fault says with which status', () => {
    const server = new ScriptedServer(protocol);
    server.decorateReply = (each) => ({ ...each, headers: [['date', 'today']] });
    server.codec.receive(message('GET / HTTP/1.1', '', ''));
    const lines = linesOf(server.connection.take());
    assert.equal(lines[0], 'HTTP/1.1 400 Bad Request');
    assert.ok(lines.includes('date: today') && lines.includes('connection: close'));
    assert.equal(server.faults[0]?.answered, 400);
  });

  test('that was passed on is no refused head', () => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(message('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked', '', 'x'));
    assert.equal(linesOf(server.connection.take())[0], 'HTTP/1.1 400 Bad Request');
    assert.equal(server.faults[0]?.answered, undefined);
    assert.equal(server.lastCall.requestReset, 'protocol-error');
  });

  test('because it is not whole in time is answered 408', () => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(message('GET / HTTP/1.1', 'hos'));
    server.codec.abandonHead?.();
    assert.equal(linesOf(server.connection.take())[0], 'HTTP/1.1 408 Request Timeout');
    assert.deepEqual([server.faults[0]?.answered, server.connection.closed], [408, 'flush']);
  });

  test('because its target is a URL is answered 404', () => {
    const server = new ScriptedServer(protocol, { allowAbsoluteUrl: false });
    server.codec.receive(message('GET http://a/ HTTP/1.1', 'host: a', '', ''));
    assert.equal(linesOf(server.connection.take())[0], 'HTTP/1.1 404 Not Found');
    assert.equal(server.faults[0]?.code, 'absolute_path_rejected');
  });
});
