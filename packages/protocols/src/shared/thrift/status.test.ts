import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ExceptionType, exceptionTypeOf, httpStatusOf, replyStatus, statusOfException } from './status.ts';

const document = readFileSync(new URL('../../../../../docs/rpc-as-http.md', import.meta.url), 'utf8');

/** The cells of the table that follows a heading, its own head left out. */
function tableOf(heading: string): readonly (readonly string[])[] {
  const section = document.split(`### ${heading}\n`)[1]?.split('\n#', 1)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** `UNKNOWN_METHOD` for `unknownMethod`. */
const names = new Map<number, string>(
  Object.entries(ExceptionType).map(([name, type]) => [type, name.replace(/[A-Z]/g, '_$&').toUpperCase()]),
);

test('the document says what native statuses stand for', () => {
  const expected = Object.values(ExceptionType).map((type) => {
    const status = statusOfException(type);
    return [`${status}`, names.get(type), `${httpStatusOf(status)}`];
  });
  const reply = [`${replyStatus}`, 'reply', `${httpStatusOf(replyStatus)}`];
  assert.deepEqual(tableOf('Thrift: native status to HTTP'), [reply, ...expected]);
  for (const type of [-1, 11, 0x7fff_ffff]) assert.equal(statusOfException(type), statusOfException(0));
});

test('the document says what replies become', () => {
  const rows = tableOf('Thrift: reply by HTTP status');
  assert.equal(rows.length, 10);
  for (const [http = '', type = '', name] of rows) {
    assert.equal(exceptionTypeOf(Number(http)), Number(type), http);
    assert.equal(names.get(Number(type)), name);
  }
  assert.equal(exceptionTypeOf(599), exceptionTypeOf(500));
});
