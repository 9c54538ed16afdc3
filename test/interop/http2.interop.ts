// HTTP/1.1 and HTTP/2 in every mix through the proxy: clients over plaintext and TLS, upstreams that speak either, and
// programs that everybody has: curl, nghttp, h2load, undici.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Agent, fetch as undiciFetch } from 'undici';
import { ensureCurl } from '../peers/curl.ts';
import { ensureNghttp2 } from '../peers/nghttp2.ts';
import { ensureOpenssl } from '../peers/openssl.ts';
import { requirePeers } from '../peers/peer.ts';
import { freePort } from '../peers/ports.ts';
import { inlineCertificate, TestAuthority } from './support/certificates.ts';
import { callCurl, field } from './support/curl-call.ts';
import {
  type Answer,
  BrokenAnswer,
  type Dialect,
  dialects,
  type HttpCaller,
  isHttp2,
  isTls,
  openCaller,
} from './support/http-caller.ts';
import { bigBody, bigBodyHash, HttpOrigin, mebibyte } from './support/http-origin.ts';
import { type RunningProxy, startProxy } from './support/proxy.ts';

const serverName = 'origin.test';
const streams = 100;
const bigMebibytes = 64;
const waitMs = 10_000;
const run = promisify(execFile);
const { peers, skip } = await requirePeers({ openssl: ensureOpenssl, curl: ensureCurl, nghttp2: ensureNghttp2 });

describe('HTTP/2 and HTTP/1.1', { skip }, () => {
  const authority = new TestAuthority();
  const origins = new Map<string, HttpOrigin>();
  let proxy: RunningProxy;
  let ca: Buffer;
  const portOf = (dialect: Dialect) => proxy.port(isTls(dialect) ? 'tls' : 'plain');

  before(async () => {
    ca = readFileSync(authority.caFile);
    const leaf = authority.issue('origin', [`DNS:${serverName}`, 'IP:127.0.0.1']);
    for (const protocol of ['http1', 'http2'] as const) origins.set(protocol, await HttpOrigin.start(protocol));
    const routes = [...origins.keys(), 'dead'].map((name) => ({
      match: { prefix: `/${name}/` },
      cluster: name,
      timeout: '0s',
      // What an upstream refuses on its way out it has not begun.
      retryOn: 'refused-stream,connect-failure',
    }));
    const common_tls_context = {
      alpn_protocols: ['h2', 'http/1.1'],
      tls_certificates: [inlineCertificate(leaf)],
    };
    proxy = await startProxy({
      listeners: [
        { name: 'plain', protocol: 'http', routes },
        { name: 'tls', protocol: 'http', routes, chains: [{ tls: { common_tls_context } }] },
      ],
      clusters: [
        ...[...origins].map(([name, { port, protocol }]) => ({ name, ports: [port], protocol, retriesMax: 100 })),
        { name: 'dead', ports: [await freePort()], protocol: 'http2' as const },
      ],
    });
  });
  after(async () => {
    await proxy?.stop();
    for (const origin of origins.values()) origin.stop();
    authority.remove();
  });

  for (const dialect of dialects)
    for (const upstream of ['http1', 'http2'])
      describe(`${dialect} to ${upstream}`, () => {
        let caller: HttpCaller;
        const path = (rest: string) => `/${upstream}/${rest}`;
        before(async () => {
          caller = await openCaller(dialect, portOf(dialect), { ca, serverName });
        });
        after(() => caller?.close());

        test('the upstream gets the request in its own protocol', async () => {
          const { status, body } = await caller.call({ path: path('echo/x?y=1'), headers: { 'x-word': 'mesh' } });
          assert.equal(status, 200);
          const seen = JSON.parse(body.toString());
          assert.equal(seen.httpVersion, upstream === 'http2' ? '2.0' : '1.1');
          assert.equal(seen.path, path('echo/x?y=1'));
          assert.equal(seen.headers['x-word'], 'mesh');
          const host = seen.headers[upstream === 'http2' ? ':authority' : 'host'];
          assert.match(host, /^(origin\.test|127\.0\.0\.1:\d+)$/);
          for (const hop of ['connection', 'keep-alive', 'transfer-encoding', 'te'])
            if (upstream === 'http2') assert.equal(seen.headers[hop], undefined, hop);
        });

        test('several cookies arrive as one field over HTTP/1.1', async () => {
          const headers = { cookie: 'a=1; b=2; c=3' };
          const { body } = await caller.call({ path: path('echo'), headers });
          assert.equal(JSON.parse(body.toString()).headers.cookie, 'a=1; b=2; c=3');
        });

        test('bodies go up and down at once', async () => {
          const sent = Buffer.concat([...bigBody(1)]);
          const { status, sha256 } = await caller.call({ path: path('mirror'), body: sent });
          assert.equal(status, 200);
          assert.equal(sha256, createHash('sha256').update(sent).digest('hex'));
        });

        test(`${bigMebibytes} MiB up and down`, async () => {
          const wanted = bigBodyHash(bigMebibytes);
          const down = await caller.call({ path: path(`big/${bigMebibytes}`), hashOnly: true });
          assert.deepEqual([down.size, down.sha256], [bigMebibytes * mebibyte, wanted]);
          const up = await caller.call({ path: path('hash'), body: bigBody(bigMebibytes) });
          assert.deepEqual(JSON.parse(up.body.toString()), {
            size: bigMebibytes * mebibyte,
            sha256: wanted,
            trailers: {},
          });
        });

        test('trailers both ways', async () => {
          const down = await caller.call({ path: path('trailers') });
          assert.equal(down.body.toString(), 'body before trailers');
          assert.equal(down.trailers['x-checksum'], 'abc123');
          const up = await caller.call({ path: path('hash'), body: Buffer.from('abc'), trailers: { 'x-sum': '6' } });
          assert.deepEqual(JSON.parse(up.body.toString()).trailers, { 'x-sum': '6' });
        });

        test(`${streams} requests at once, and each gets its own body back`, async () => {
          const bodyOf = (n: number) => Buffer.from(`${n}:`.repeat(1 + n * 97));
          const answers = await Promise.all(
            Array.from({ length: streams }, (_, n) => caller.call({ path: path(`mirror/${n}`), body: bodyOf(n) })),
          );
          for (const [n, { status, body }] of answers.entries()) {
            assert.equal(status, 200);
            assert.ok(body.equals(bodyOf(n)), `request ${n} got another's body`);
          }
        });

        test('HEAD, 204, 304 and 404', async () => {
          const head = await caller.call({ path: path('sized'), method: 'HEAD' });
          assert.deepEqual([head.status, head.headers['content-length'], head.size], [200, '5', 0]);
          for (const status of [204, 304, 404]) {
            const answer = await caller.call({ path: path(`status/${status}`) });
            assert.deepEqual([answer.status, answer.size, answer.headers['x-said']], [status, 0, String(status)]);
          }
          assert.equal((await caller.call({ path: '/nowhere' })).status, 404);
          assert.equal((await caller.call({ path: '/dead/x' })).status, 503);
        });

        test('interim answers do not disturb the final one', async () => {
          const { status, body, interim } = await caller.call({ path: path('early') });
          assert.deepEqual([status, body.toString()], [200, 'after the hints']);
          assert.ok(
            interim.every((one) => one === 103),
            String(interim),
          );
        });

        test('an answer that comes before the body was read', async () => {
          const body = Buffer.concat([...bigBody(4)]);
          const outcome = await caller.call({ path: path('hasty'), body }).catch((error: unknown) => error);
          // HTTP/1.1 cannot go on without the body, so a client may find its connection closed while it writes.
          if (!(outcome instanceof Error)) assert.equal((outcome as Answer).status, 413);
          else assert.ok(!isHttp2(dialect), outcome.message);
          assert.equal((await caller.call({ path: path('token/next') })).body.toString(), 'next');
        });

        test('a client that gives up is noticed upstream', async () => {
          const key = `${dialect}-${upstream}`.replaceAll(' ', '-');
          const abort = new AbortController();
          const call = caller.call({ path: path(`hang/${key}`), signal: abort.signal });
          setTimeout(() => abort.abort(), 100);
          await assert.rejects(call);
          await until(() => origins.get(upstream)!.abandoned.has(key));
          assert.equal((await caller.call({ path: path('token/next') })).body.toString(), 'next');
        });

        test('an answer that breaks off is visibly broken, and only that one', async () => {
          const others = Array.from({ length: 5 }, () => caller.call({ path: path('after/150') }));
          await assert.rejects(caller.call({ path: path('broken') }), (error: Error & { code?: unknown }) => {
            if (error instanceof BrokenAnswer && isHttp2(dialect)) assert.notEqual(error.code, 0);
            return true;
          });
          for (const { status, body } of await Promise.all(others)) {
            assert.equal(status, 200);
            assert.equal(body.toString(), 'in time');
          }
        });

        test('an upstream that says goodbye loses nothing', async () => {
          const origin = origins.get(upstream)!;
          const answers: Promise<Answer>[] = [];
          for (let n = 0; n < 60; n++) {
            answers.push(caller.call({ path: path('after/20') }));
            if (n % 10 === 5) origin.goAway();
            await new Promise((resolve) => setTimeout(resolve, 3));
          }
          for (const { status, body } of await Promise.all(answers)) assert.equal(status, 200, body.toString());
        });
      });

  describe('curl', () => {
    const flags: Record<string, string[]> = {
      '--http1.1': ['--http1.1'],
      '--http2-prior-knowledge': ['--http2-prior-knowledge'],
      '--http2 over TLS': ['--http2'],
      '--http1.1 over TLS': ['--http1.1'],
    };
    for (const [name, options] of Object.entries(flags))
      for (const upstream of ['http1', 'http2'])
        test(`${name} to ${upstream}`, async () => {
          const secure = name.endsWith('TLS');
          const base = secure ? `https://${serverName}:${proxy.port('tls')}` : `http://${proxy.address('plain')}`;
          const trust = ['--cacert', authority.caFile, '--resolve', `${serverName}:${proxy.port('tls')}:127.0.0.1`];
          const curl = (...args: string[]) => callCurl(peers!.curl, ...options, ...(secure ? trust : []), ...args);
          // By prior knowledge this curl cannot use a connection again.
          const numbers = name === '--http2-prior-knowledge' ? [1] : [1, 2, 3];
          const token = await curl(...numbers.map((n) => `${base}/${upstream}/token/${n}`));
          assert.equal(token.body.toString(), numbers.join(''));
          assert.deepEqual(
            token.connects,
            numbers.map((n) => (n === 1 ? 1 : 0)),
          );
          assert.match(token.heads, name.includes('http2') ? /^HTTP\/2 200/ : /^HTTP\/1\.1 200/);
          const trailers = await curl(`${base}/${upstream}/trailers`);
          assert.equal(field(trailers.heads, 'x-checksum'), 'abc123');
          const hashed = await curl('--data-binary', 'abc', '-H', 'expect: 100-continue', `${base}/${upstream}/hash`);
          assert.equal(JSON.parse(hashed.body.toString()).size, 3);
          const head = await curl('--head', `${base}/${upstream}/sized`);
          assert.equal(field(head.heads, 'content-length'), '5');
        });

    test('an offer of h2c by Upgrade is declined, and the request answered', async () => {
      const answer = await callCurl(peers!.curl, '--http2', `http://${proxy.address('plain')}/http1/token/1`);
      assert.match(answer.heads, /^HTTP\/1\.1 200/);
      assert.equal(answer.body.toString(), '1');
    });
  });

  describe('nghttp and h2load', () => {
    for (const upstream of ['http1', 'http2']) {
      test(`nghttp gets and posts to ${upstream}`, async () => {
        const url = `http://${proxy.address('plain')}/${upstream}`;
        const { stdout } = await run(peers!.nghttp2.nghttp, ['--no-dep', `${url}/token/word`], { timeout: waitMs });
        assert.equal(stdout, 'word');
        const posted = await run(peers!.nghttp2.nghttp, ['-d', authority.caFile, `${url}/hash`], { timeout: waitMs });
        assert.equal(JSON.parse(posted.stdout).size, ca.length);
        const secure = await run(
          peers!.nghttp2.nghttp,
          [`https://127.0.0.1:${proxy.port('tls')}/${upstream}/token/word`],
          {
            timeout: waitMs,
          },
        );
        assert.match(secure.stdout, /word/);
      });

      for (const listener of ['plain', 'tls'])
        test(`h2load, 4 connections × 32 streams, ${listener}, to ${upstream}`, async () => {
          const url = `${listener === 'tls' ? 'https' : 'http'}://127.0.0.1:${proxy.port(listener)}/${upstream}/token/word`;
          const { stdout } = await run(peers!.nghttp2.h2load, ['-n', '3000', '-c', '4', '-m', '32', url], {
            timeout: 60_000,
          });
          assert.match(stdout, /3000 succeeded, 0 failed, 0 errored, 0 timeout/);
          assert.match(stdout, /3000 2xx/);
        });
    }
  });

  test('undici, HTTP/2 by ALPN and HTTP/1.1', async () => {
    for (const allowH2 of [true, false]) {
      const dispatcher = new Agent({ allowH2, connect: { ca, servername: serverName } });
      try {
        for (const upstream of ['http1', 'http2']) {
          const base = `https://127.0.0.1:${proxy.port('tls')}/${upstream}`;
          const words = Array.from({ length: 20 }, (_, n) => undiciFetch(`${base}/token/${n}`, { dispatcher }));
          const texts = (await Promise.all(words)).map((one) => one.text());
          assert.deepEqual(
            await Promise.all(texts),
            Array.from({ length: 20 }, (_, n) => String(n)),
          );
          const body = Buffer.concat([...bigBody(2)]);
          const posted = await undiciFetch(`${base}/hash`, { method: 'POST', body, dispatcher });
          assert.equal(((await posted.json()) as { size: number }).size, body.length);
        }
      } finally {
        await dispatcher.destroy();
      }
    }
  });
});

async function until(reached: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + waitMs;
  while (!reached()) {
    if (Date.now() > giveUpAt) throw new Error('the upstream never noticed');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
