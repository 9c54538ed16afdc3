import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type IpAddress, ipAddress } from '@sofamesh/base/address';
import { httpRequest } from './http-request.ts';
import {
  type HttpServiceOptions,
  type HttpServiceRequest,
  type HttpServiceResponse,
  serveHttp,
} from './http-service.ts';

const loopback = ipAddress('127.0.0.1', 0);
type Handler = (request: HttpServiceRequest) => HttpServiceResponse | Promise<HttpServiceResponse>;

async function serving(
  handler: Handler,
  body: (url: string, port: number) => Promise<void>,
  onError?: HttpServiceOptions['onError'],
): Promise<void> {
  const service = await serveHttp({
    address: loopback,
    handler: async (request) => handler(request),
    ...(onError === undefined ? {} : { onError }),
  });
  const { port } = service.address as IpAddress;
  try {
    await body(`http://127.0.0.1:${port}`, port);
  } finally {
    await service.close();
  }
}

/** Sends bytes and gives all that comes back. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(text));
    socket.on('data', (chunk) => (answer += chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

describe('HTTP service', () => {
  test('hands over the request and sends the answer', async () => {
    const seen: HttpServiceRequest[] = [];
    await serving(
      (request) => {
        seen.push(request);
        return { status: 201, headers: { 'X-Answer': 'yes', 'Content-Type': 'text/csv' }, body: 'ä,b' };
      },
      async (url) => {
        const reply = await httpRequest(`${url}/a/b?filter=x%20y&all`, {
          method: 'POST',
          body: 'some body',
          headers: { 'x-ask': '1' },
        });
        assert.deepEqual([reply.status, reply.body, reply.headers['x-answer']], [201, 'ä,b', 'yes']);
        assert.equal(reply.headers['content-type'], 'text/csv');
      },
    );
    const [request] = seen;
    assert.deepEqual([request!.method, request!.path, request!.body.toString()], ['POST', '/a/b', 'some body']);
    assert.deepEqual([request!.query.get('filter'), request!.query.has('all')], ['x y', true]);
    assert.equal(request!.headers['x-ask'], '1');
  });

  test('says what a text is, and sends bytes', async () => {
    await serving(
      () => ({ status: 200, body: Buffer.from('bytes') }),
      async (url) => {
        const { headers, body } = await httpRequest(url);
        assert.deepEqual(
          [headers['content-type'], headers['content-length'], body],
          ['text/plain; charset=UTF-8', '5', 'bytes'],
        );
      },
    );
  });

  test('answers HEAD without a body', async () => {
    await serving(
      () => ({ status: 200, body: 'not sent' }),
      async (url) => {
        const reply = await httpRequest(url, { method: 'HEAD' });
        assert.deepEqual([reply.body, reply.headers['content-length']], ['', '8']);
      },
    );
  });

  test('tells a failed handler to the owner and not to the client', async () => {
    const errors: unknown[] = [];
    const failing: readonly Handler[] = [
      () => {
        throw new Error('secret');
      },
      () => Promise.reject(new Error('secret')),
      () => ({ status: 200, headers: { 'x-bad': 'line\r\nbreak' }, body: 'x' }),
      () => ({ status: 99_999, body: 'x' }),
    ];
    for (const handler of failing) {
      await serving(
        handler,
        async (url) => {
          const reply = await httpRequest(url);
          assert.equal(reply.status, 500);
          assert.ok(!JSON.stringify(reply).includes('secret'));
        },
        (error) => errors.push(error),
      );
    }
    assert.equal(errors.length, failing.length);
  });

  test('outlives an owner who fails to be told', async () => {
    await serving(
      ({ path }) => {
        if (path === '/bad') throw new Error('first');
        return { status: 200, body: 'fine' };
      },
      async (url) => {
        assert.equal((await httpRequest(`${url}/bad`)).status, 500);
        assert.equal((await httpRequest(url)).body, 'fine');
      },
      () => {
        throw new Error('second');
      },
    );
  });

  test('refuses a body that is too long', async () => {
    let calls = 0;
    await serving(
      () => {
        calls++;
        return { status: 200, body: '' };
      },
      async (url, port) => {
        assert.equal((await httpRequest(url, { method: 'POST', body: Buffer.alloc(1024 * 1024) })).status, 200);
        const head = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n100001\r\n';
        assert.match(await exchange(port, head + 'x'.repeat(0x100001)), /^HTTP\/1.1 413 /);
      },
    );
    assert.equal(calls, 1);
  });

  test('outlives nonsense and clients that leave', async () => {
    await serving(
      () => ({ status: 200, body: 'fine' }),
      async (url, port) => {
        assert.match(await exchange(port, '\0\x01nonsense\r\n\r\n'), /^HTTP\/1.1 400 /);
        await new Promise<void>((resolve) => {
          const socket = connect({ host: '127.0.0.1', port }, () => {
            socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc', () =>
              socket.resetAndDestroy(),
            );
          });
          socket.on('close', () => resolve()).on('error', () => {});
        });
        assert.equal((await httpRequest(url)).body, 'fine');
      },
    );
  });

  test('closes although an answer never comes', async () => {
    const asked = Promise.withResolvers<void>();
    const handler = () => {
      asked.resolve();
      return new Promise<HttpServiceResponse>(() => {});
    };
    const service = await serveHttp({ address: loopback, handler });
    const { port } = service.address as IpAddress;
    const answer = assert.rejects(httpRequest(`http://127.0.0.1:${port}/`), { code: 'ECONNRESET' });
    await asked.promise;
    await service.close();
    await answer;
    await assert.rejects(httpRequest(`http://127.0.0.1:${port}/`), { name: 'CodedError', code: 'ECONNREFUSED' });
  });

  test('rejects where it cannot listen', async () => {
    const first = await serveHttp({ address: loopback, handler: async () => ({ status: 200, body: '' }) });
    const second = serveHttp({ address: first.address, handler: async () => ({ status: 200, body: '' }) });
    await assert.rejects(second, { name: 'CodedError', code: 'EADDRINUSE' });
    await first.close();
  });

  test('speaks over a Unix socket', { skip: process.platform === 'win32' && 'no Unix sockets' }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http-'));
    const path = join(folder, 'admin.sock');
    const service = await serveHttp({
      address: { kind: 'pipe', path },
      handler: async (request) => ({ status: 200, body: request.path }),
    });
    assert.equal((await httpRequest(`unix:${path}:/ready`)).body, '/ready');
    assert.equal((await httpRequest(`unix:${path}`)).body, '/');
    await service.close();
    rmSync(folder, { recursive: true });
  });
});

describe('HTTP request', () => {
  test('gives up in time', async () => {
    await serving(
      () => new Promise(() => {}),
      async (url) => {
        await assert.rejects(httpRequest(url, { timeoutMs: 30 }), { name: 'CodedError', code: 'ETIMEDOUT' });
      },
    );
  });

  for (const url of ['', 'nonsense', 'https://localhost/', 'file:///etc/passwd', 'http://']) {
    test(`cannot reach ${JSON.stringify(url)}`, async () => {
      await assert.rejects(httpRequest(url), { name: 'CodedError', code: 'EINVAL' });
    });
  }
});
