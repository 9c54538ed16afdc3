import assert from 'node:assert/strict';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { httpBootstrap, Mosn } from './support/mosn.ts';
import { answer, type OriginRequest, ScriptedOrigin } from './support/scripted-origin.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  /** The message did not come to its end. */
  readonly broken: boolean;
}

const agent = new Agent({ keepAlive: true });

function ask(url: string, path: string, method = 'GET', body = '', from: Agent | false = agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { method, agent: from }, (response: IncomingMessage) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', () => {});
      response.on('close', () => resolve({ status: response.statusCode ?? 0, body: text, broken: !response.complete }));
    });
    outgoing.on('error', reject);
    if (body === '') outgoing.end();
    else outgoing.end(body);
  });
}

const leave: Readonly<Record<string, (socket: Socket) => void>> = {
  fin: (socket) => socket.end(),
  // Node loses a handle that is reset while it sends its end.
  rst: (socket) => (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy()),
};

const head = (rest: string) => `HTTP/1.1 200 OK\r\n${rest}\r\n\r\n`;
const poison = `${head('content-length: 6')}poison`;

/** Answered last in a way that allows to say more. */
let poisonous: Socket | undefined;

/** The last part of the path says how the connection is left. */
function misbehave({ path, method, body, count }: OriginRequest, socket: Socket): void {
  const [, what = '', how = 'fin'] = path.split('/');
  const go = () => leave[how]!(socket);
  const goAfter = (text: string) => socket.write(text, () => setTimeout(go, 20));
  switch (what) {
    case 'soon':
      answer(socket, `${method} ${body}`);
      setTimeout(go, 50);
      break;
    case 'reused':
      if (count === 1) answer(socket, `${method} ${body}`);
      else go();
      break;
    case 'before':
      setTimeout(go, 20);
      break;
    case 'in-head':
      goAfter('HTTP/1.1 200 O');
      break;
    case 'after-head':
      goAfter(head('content-length: 100'));
      break;
    case 'in-body':
      goAfter(`${head('content-length: 100')}1234567890`);
      break;
    case 'in-chunks':
      goAfter(`${head('transfer-encoding: chunked')}a\r\n1234567890\r\n`);
      break;
    case 'in-chunk':
      goAfter(`${head('transfer-encoding: chunked')}a\r\n12345`);
      break;
    case 'bad-length':
      socket.write(`${head('content-length: 1x')}1`);
      break;
    case 'two-lengths':
      socket.write(`${head('content-length: 1\r\ncontent-length: 2')}12`);
      break;
    case 'surplus':
      answer(socket, 'mine');
      socket.write(poison);
      break;
    case 'unsolicited':
      answer(socket, 'mine');
      poisonous = socket;
      break;
    case 'early':
      answer(socket, 'too much', 'HTTP/1.1 413 Payload Too Large');
      break;
    default:
      answer(socket, `${method} ${body}`);
  }
}

describe('mosn with upstreams that fail', () => {
  let origin: ScriptedOrigin;
  let mosn: Mosn;
  let url: string;
  before(async () => {
    origin = await ScriptedOrigin.start(misbehave, new Set(['/early/fin']));
    mosn = await Mosn.start({ ...httpBootstrap(origin.port) }).catch(async (error: unknown) => {
      await origin.stop();
      throw error;
    });
    url = await mosn.url();
  });
  after(async () => {
    agent.destroy();
    await mosn?.stop();
    await origin.stop();
  });

  test('loses nothing to connections that are closed a moment after each answer', async () => {
    const errors: string[] = [];
    let answers = 0;
    const client = async (id: number) => {
      const how = id % 2 === 0 ? 'fin' : 'rst';
      const method = id % 4 < 2 ? 'GET' : 'PUT';
      for (let round = 0; round < 10; round++) {
        const body = method === 'PUT' ? `${id}-${round}-${'x'.repeat(1000)}` : '';
        const { status, body: text } = await ask(url, `/soon/${how}`, method, body);
        if (status === 200 && text === `${method} ${body}`) answers++;
        else errors.push(`${method} ${how}: ${status} ${text.slice(0, 200)}`);
        await delay(40 + ((id * 7 + round * 13) % 21));
      }
    };
    await Promise.all(Array.from({ length: 40 }, (_, id) => client(id)));
    assert.deepEqual(errors, []);
    assert.equal(answers, 400);
  });

  test('loses nothing to an upstream that closes every connection when it is used again', async () => {
    const resentBefore = await mosn.stat('cluster.backend.upstream_rq_resent');
    for (const how of ['fin', 'rst']) {
      for (let round = 0; round < 100; round++) {
        const body = round % 2 === 0 ? '' : `body ${round}`;
        const method = body === '' ? 'GET' : 'PUT';
        const { status, body: text } = await ask(url, `/reused/${how}`, method, body);
        assert.deepEqual([status, text], [200, `${method} ${body}`]);
      }
    }
    assert.ok((await mosn.stat('cluster.backend.upstream_rq_resent')) - resentBefore >= 90);
    assert.equal(await mosn.stat('cluster.backend.upstream_rq_retry'), 0);
  });

  test('sends no POST twice', async () => {
    for (let round = 0; round < 40; round++) await ask(url, '/reused/rst', 'POST', `once ${round}`);
    const seen = origin.bodies.filter((body) => body.startsWith('POST once'));
    assert.equal(new Set(seen).size, seen.length);
  });

  for (const how of ['fin', 'rst']) {
    for (const what of ['before', 'in-head']) {
      test(`${what}, ${how}: an answer of the proxy's own that says so`, async () => {
        const { status, body } = await ask(url, `/${what}/${how}`);
        assert.ok(what === 'before' ? status === 503 : status === 502 || status === 503, String(status));
        assert.match(body, /^upstream connect error or disconnect\/reset before headers\./);
      });
    }
    for (const what of ['after-head', 'in-body', 'in-chunks', 'in-chunk']) {
      test(`${what}, ${how}: an answer that is seen to be incomplete`, async () => {
        const { status, broken } = await ask(url, `/${what}/${how}`);
        assert.deepEqual([status, broken], [200, true]);
      });
    }
  }

  for (const what of ['bad-length', 'two-lengths']) {
    test(`${what}: 502`, async () => {
      const before = await mosn.stat('cluster.backend.upstream_cx_protocol_error');
      assert.equal((await ask(url, `/${what}`)).status, 502);
      assert.equal(await mosn.stat('cluster.backend.upstream_cx_protocol_error'), before + 1);
    });
  }

  test('what nobody asked for reaches nobody', async () => {
    for (const waitMs of [0, 0, 5, 20]) {
      for (let round = 0; round < 15; round++) {
        const path = round % 3 === 0 ? '/surplus' : '/unsolicited';
        assert.deepEqual(await ask(url, path), { status: 200, body: 'mine', broken: false });
        // It is on its way before the next request is.
        if (path === '/unsolicited') poisonous!.write(poison);
        if (waitMs > 0) await delay(waitMs);
        const { status, body } = await ask(url, '/victim');
        assert.deepEqual([status, body], [200, 'GET ']);
      }
    }
    assert.equal(await mosn.stat('cluster.backend.upstream_rq_unsolicited'), 60);
  });

  test('an early answer to a request that nobody reads is passed on, and its connection is not used again', async () => {
    const body = Buffer.alloc(8 * 1024 * 1024, 'x').toString();
    const { status, body: text } = await ask(url, '/early/fin', 'POST', body, false);
    assert.deepEqual([status, text], [413, 'too much']);
    const connectionsBefore = origin.connections;
    for (let round = 0; round < 5; round++) assert.equal((await ask(url, '/')).status, 200);
    assert.ok(origin.connections <= connectionsBefore + 1);
    assert.equal(await mosn.stat('cluster.backend.upstream_rq_active'), 0);
  });
});
