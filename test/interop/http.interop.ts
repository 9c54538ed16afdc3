// HTTP/1.1 between programs that everybody has: curl in front, nginx and Node behind, and nginx in front too.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ensureCurl } from '../peers/curl.ts';
import { ensureNginx, startNginx } from '../peers/nginx.ts';
import { requirePeers } from '../peers/peer.ts';
import { freePort } from '../peers/ports.ts';
import type { RunningProcess } from '../peers/process.ts';
import { callCurl, field } from './support/curl-call.ts';
import { pattern, startNodeOrigin } from './support/node-origin.ts';
import { type RunningProxy, startProxy } from './support/proxy.ts';
import { RawConnection } from './support/raw-connection.ts';

const mebibyte = 1024 * 1024;
const partialFile = 18; // curl: the transfer ended with data outstanding
const { peers, skip } = await requirePeers({ curl: ensureCurl, nginx: ensureNginx });

describe('HTTP', { skip }, () => {
  const body = pattern(mebibyte);
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const folder = mkdtempSync(join(tmpdir(), 'http-interop-'));
  const upload = join(folder, 'upload');
  writeFileSync(upload, body);

  let node: Awaited<ReturnType<typeof startNodeOrigin>>;
  let nginxOrigin: RunningProcess;
  let nginxFront: RunningProcess;
  let proxy: RunningProxy;
  /** Base URLs: the proxy itself, and nginx before the proxy. */
  let direct = '';
  let behindNginx = '';
  const curl = (...args: string[]) => callCurl(peers!.curl, ...args);

  before(async () => {
    node = await startNodeOrigin();
    const originPort = await freePort();
    nginxOrigin = await startNginx(
      peers!.nginx,
      originPort,
      `server {
        listen 127.0.0.1:${originPort};
        location /nginx/ { rewrite ^/nginx/(.*)$ /$1 break; }
        location /nginx/gone { return 404 "nginx has no such thing"; }
      }`,
      { 'page.txt': 'a page of nginx\n', 'big.bin': body },
    );
    const route = (prefix: string, cluster: string, timeout?: string) => ({
      match: { prefix },
      cluster,
      ...(timeout && { timeout }),
    });
    proxy = await startProxy({
      listeners: [
        {
          name: 'http',
          protocol: 'http',
          routes: [
            route('/nginx/', 'nginx'),
            route('/node/slow', 'node', '0.5s'),
            route('/node/', 'node'),
            route('/dead/', 'dead'),
          ],
        },
      ],
      clusters: [
        { name: 'nginx', ports: [originPort] },
        { name: 'node', ports: [node.port] },
        { name: 'dead', ports: [await freePort()] },
      ],
    });
    direct = `http://${proxy.address('http')}`;
    const frontPort = await freePort();
    nginxFront = await startNginx(
      peers!.nginx,
      frontPort,
      `upstream proxy { server ${proxy.address('http')}; keepalive 8; }
      server {
        listen 127.0.0.1:${frontPort};
        client_max_body_size 8m;
        location / { proxy_pass http://proxy; proxy_http_version 1.1; proxy_set_header Connection ""; }
      }`,
    );
    behindNginx = `http://127.0.0.1:${frontPort}`;
  });
  after(async () => {
    await nginxFront?.stop();
    await proxy?.stop();
    await nginxOrigin?.stop();
    node?.server.close();
    node?.server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  test('curl gets a page of nginx, whole, in part and not again', async () => {
    const page = await curl(`${direct}/nginx/page.txt`);
    assert.equal(page.status, 200);
    assert.equal(page.body.toString(), 'a page of nginx\n');
    assert.equal(field(page.heads, 'content-length'), '16');
    const etag = field(page.heads, 'etag');
    assert.ok(etag);
    const again = await curl('-H', `if-none-match: ${etag}`, `${direct}/nginx/page.txt`);
    assert.equal(again.status, 304);
    assert.equal(again.body.length, 0);
    const part = await curl('--range', '2-5', `${direct}/nginx/page.txt`);
    assert.equal(part.status, 206);
    assert.equal(part.body.toString(), 'page');
    const gone = await curl(`${direct}/nginx/gone`);
    assert.equal(gone.status, 404);
    assert.equal(gone.body.toString(), 'nginx has no such thing');
  });

  test('several requests share one connection on both sides', async () => {
    const taken = await proxy.connectionsTaken('http');
    const dialled = await proxy.stat(/^cluster\.node\.upstream_cx_total$/);
    const urls = [1, 2, 3, 4, 5].map((n) => `${direct}/node/token/${n}`);
    const { connects, body: all } = await curl(...urls);
    assert.deepEqual(connects, [1, 0, 0, 0, 0]);
    assert.equal(all.toString(), '/token/1/token/2/token/3/token/4/token/5');
    assert.equal(await proxy.connectionsTaken('http'), taken + 1);
    assert.ok((await proxy.stat(/^cluster\.node\.upstream_cx_total$/)) <= dialled + 1);
  });

  test('HEAD and 204 have no body, and the connection goes on', async () => {
    const head = await curl('--head', `${direct}/nginx/big.bin`, `${direct}/nginx/page.txt`);
    assert.equal(head.exit, 0);
    assert.deepEqual(head.connects, [1, 0]);
    assert.equal(field(head.heads, 'content-length'), String(mebibyte));
    const empty = await curl(`${direct}/node/no-content`, `${direct}/node/token/next`);
    assert.deepEqual(empty.connects, [1, 0]);
    assert.equal(empty.body.toString(), '/token/next');
  });

  test('1 MiB down, with a length and in chunks', async () => {
    const sized = await curl(`${direct}/nginx/big.bin`);
    assert.equal(sized.exit, 0);
    assert.ok(sized.body.equals(body));
    const chunked = await curl(`${direct}/node/chunked`);
    assert.equal(field(chunked.heads, 'transfer-encoding'), 'chunked');
    assert.ok(chunked.body.equals(body));
  });

  test('1 MiB up, with a length and in chunks', async () => {
    const sized = await curl('--data-binary', `@${upload}`, '-H', 'expect:', `${direct}/node/hash`);
    assert.equal(sized.body.toString(), `${mebibyte} ${bodyHash} length`);
    const chunkedUpload = ['--upload-file', upload, '-H', 'transfer-encoding: chunked', '-H', 'expect:'];
    const chunked = await curl('--request', 'POST', ...chunkedUpload, `${direct}/node/hash`);
    assert.equal(chunked.body.toString(), `${mebibyte} ${bodyHash} chunked`);
  });

  test('a client that waits for 100 is told to go on', async () => {
    const startedAt = Date.now();
    const options = ['--data-binary', `@${upload}`, '-H', 'expect: 100-continue', '--expect100-timeout', '10'];
    const { heads, body: answer } = await curl(...options, `${direct}/node/hash`);
    assert.match(heads, /^HTTP\/1\.1 100 /);
    assert.equal(answer.toString(), `${mebibyte} ${bodyHash} length`);
    assert.ok(Date.now() - startedAt < 5_000, 'curl was left to wait');
  });

  test('trailers arrive after the body', async () => {
    const { exit, heads, body: text } = await curl(`${direct}/node/trailers`);
    assert.equal(exit, 0);
    assert.equal(text.toString(), 'body before trailers');
    assert.equal(field(heads, 'x-checksum'), 'abc123');
  });

  test('replies to many requests at once are not mixed up', async () => {
    const out = mkdtempSync(join(folder, 'parallel-'));
    const parallel = ['--parallel', '--parallel-immediate', '--parallel-max', '30', '-o', join(out, '#1')];
    const { exit } = await curl(...parallel, `${direct}/node/token/[1-120]`);
    assert.equal(exit, 0);
    for (let n = 1; n <= 120; n++) assert.equal(readFileSync(join(out, String(n)), 'utf8'), `/token/${n}`);
  });

  test('no route is 404, a dead upstream 503, a slow one 504', async () => {
    for (const [path, status, flag] of [
      ['/nowhere', 404, 'NR'],
      ['/dead/x', 503, 'UF'],
      ['/node/slow', 504, 'UT'],
    ] as const) {
      assert.equal((await curl(direct + path)).status, status, path);
      const line = await proxy.logged(path, (one) => one.path === path);
      assert.equal(line.code, String(status));
      assert.match(line.flags, new RegExp(flag));
    }
  });

  test('a reply that breaks off upstream is visibly broken for curl', async () => {
    for (const path of ['/node/truncated-length', '/node/truncated-chunks']) {
      const broken = await curl(direct + path);
      assert.equal(broken.status, 200, path);
      assert.equal(broken.exit, partialFile, path);
    }
    assert.equal((await curl(`${direct}/node/no-reply`)).status, 503);
    assert.equal((await curl(`${direct}/node/token/after`)).body.toString(), '/token/after');
  });

  test('a reply that nobody asked for reaches nobody', async () => {
    for (let n = 0; n < 10; n++) {
      assert.equal((await curl(`${direct}/node/twice`)).body.toString(), 'once');
      const urls = [1, 2, 3].map((m) => `${direct}/node/token/${n}-${m}`);
      assert.equal((await curl(...urls)).body.toString(), `/token/${n}-1/token/${n}-2/token/${n}-3`);
    }
  });

  test('a malformed head gets 400 and a close', async () => {
    const connection = await RawConnection.open(proxy.port('http'));
    connection.send('GET /node/token/1 HTTP/1.1\r\nhost: a\r\nbroken line\r\n\r\n');
    assert.match((await connection.closed()).toString(), /^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test('nginx in front: replies, uploads, no body, keep-alive', async () => {
    const taken = await proxy.connectionsTaken('http');
    const echo = await curl(`${behindNginx}/node/echo/x?y=1`);
    assert.equal((JSON.parse(echo.body.toString()) as { path: string }).path, '/echo/x');
    assert.ok((await curl(`${behindNginx}/node/chunked`)).body.equals(body));
    assert.ok((await curl(`${behindNginx}/nginx/big.bin`)).body.equals(body));
    const up = await curl('--data-binary', `@${upload}`, `${behindNginx}/node/hash`);
    assert.equal(up.body.toString(), `${mebibyte} ${bodyHash} length`);
    const head = await curl('--head', `${behindNginx}/nginx/big.bin`);
    assert.equal(field(head.heads, 'content-length'), String(mebibyte));
    for (let n = 0; n < 10; n++) assert.equal((await curl(`${behindNginx}/node/token/${n}`)).status, 200);
    assert.ok((await proxy.connectionsTaken('http')) <= taken + 2, 'nginx could not keep its connection');
  });

  test('nginx in front: errors and broken replies stay what they are', async () => {
    assert.equal((await curl(`${behindNginx}/nowhere`)).status, 404);
    assert.equal((await curl(`${behindNginx}/dead/x`)).status, 503);
    assert.equal((await curl(`${behindNginx}/node/truncated-length`)).exit, partialFile);
    assert.equal((await curl(`${behindNginx}/node/truncated-chunks`)).exit, partialFile);
  });
});
