import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatResponseFlags, ResponseFlag } from '@sofamesh/contract/message';
import * as bolt from '../bolt/status.ts';
import * as dubbo from '../dubbo/status.ts';
import * as hsf from '../hsf/status.ts';
import * as tars from '../tars/status.ts';

const document = readFileSync(new URL('../../../../docs/rpc-as-http.md', import.meta.url), 'utf8');

type Row = readonly [first: string, second: string, third: string];

/** The cells of the table that follows a heading, its own head left out. */
function tableOf(heading: string): readonly Row[] {
  const at = document.indexOf(`### ${heading}\n`);
  assert.ok(at >= 0, `no heading "${heading}"`);
  const section = document.slice(at + 4).split('\n#', 1)[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) => {
    const [first = '', second = '', third = ''] = row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim());
    return [first, second, third];
  });
}

const reply = (status: number, flags = 0) => ({ status, flags, body: '', details: '' });

test('the document says what native statuses stand for', () => {
  for (const [heading, Status, httpStatusOf] of [
    ['bolt: native status to HTTP', bolt.Status, bolt.httpStatusOf],
    ['Dubbo: native status to HTTP', dubbo.Status, dubbo.httpStatusOf],
    ['HSF: native status to HTTP', hsf.Status, hsf.httpStatusOf],
    ['Tars: native status to HTTP', tars.Status, tars.httpStatusOf],
  ] as const) {
    const rows = tableOf(heading);
    assert.deepEqual(
      rows.map(([native]) => Number(native)),
      Object.values(Status),
    );
    for (const [native, , http] of rows) assert.equal(httpStatusOf(Number(native)), Number(http), native);
    assert.equal(httpStatusOf(heading.startsWith('Tars') ? -255 : 255), 500);
  }
  assert.equal(tars.httpStatusOf(5001), 200);
});

test('the document says what replies become', () => {
  for (const [code, boltStatus, dubboStatus] of tableOf('Reply by response flag')) {
    const flag = Object.values(ResponseFlag).find((each) => formatResponseFlags(each) === code);
    assert.ok(flag !== undefined, `no flag ${code}`);
    for (const status of [500, 503]) {
      assert.equal(bolt.replyStatusOf(reply(status, flag)), Number(boltStatus), code);
      assert.equal(dubbo.replyStatusOf(reply(status, flag)), Number(dubboStatus), code);
    }
  }
  for (const [http, boltStatus, dubboStatus] of tableOf('Reply by HTTP status')) {
    const status = Number(http);
    assert.equal(bolt.replyStatusOf(reply(status)), Number(boltStatus), http);
    assert.equal(dubbo.replyStatusOf(reply(status)), Number(dubboStatus), http);
    if (status < 300) continue;
    assert.equal(bolt.boltStatusOf(status), Number(boltStatus), http);
    assert.equal(dubbo.dubboStatusOf(status), Number(dubboStatus), http);
  }
});

test('the document says what replies of Tars and HSF become', () => {
  for (const [code, tarsStatus, hsfStatus] of tableOf('Tars, HSF: reply by response flag')) {
    const flag = Object.values(ResponseFlag).find((each) => formatResponseFlags(each) === code);
    assert.ok(flag !== undefined, `no flag ${code}`);
    assert.equal(tars.replyStatusOf(reply(503, flag)), Number(tarsStatus), code);
    assert.equal(hsf.replyStatusOf(reply(503, flag)), Number(hsfStatus), code);
  }
  for (const [http, tarsStatus, hsfStatus] of tableOf('Tars, HSF: reply by HTTP status')) {
    const status = Number(http);
    assert.equal(tars.replyStatusOf(reply(status)), Number(tarsStatus), http);
    assert.equal(hsf.replyStatusOf(reply(status)), Number(hsfStatus), http);
    if (status < 300) continue;
    assert.equal(tars.tarsStatusOf(status), Number(tarsStatus), http);
    assert.equal(hsf.hsfStatusOf(status), Number(hsfStatus), http);
  }
});
