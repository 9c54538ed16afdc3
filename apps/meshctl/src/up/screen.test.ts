import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Screen } from './screen.ts';

const controlOrLine = /\^\[(\d+)A|(\^\[0J)|\^\[\?25[lh]|([^\n^]*)\n/g;

/** What a terminal shows after it was sent `text`: lines, cursor up, erase below. */
function shownBy(text: string): string[] {
  const lines: string[] = [];
  let at = 0;
  for (const [, up, erase, line] of text.replaceAll('\x1b', '^').matchAll(controlOrLine)) {
    if (up !== undefined) at -= Number(up);
    else if (erase !== undefined) lines.length = at;
    else if (line !== undefined) lines[at++] = line;
  }
  return lines;
}

function makeScreen(columns: number | undefined) {
  let text = '';
  let nowMs = 0;
  const screen = new Screen(
    { write: (more) => (text += more) },
    columns === undefined ? undefined : () => columns,
    () => nowMs,
  );
  return { screen, text: () => text, wait: (ms: number) => (nowMs += ms) };
}

describe('screen', () => {
  test('a block refreshes in place below the lines that stay', () => {
    const { screen, text } = makeScreen(20);
    screen.say('hello');
    screen.show(['a 1', 'b 1']);
    screen.show(['a 2', 'b 2']);
    screen.say('news');
    assert.deepEqual(shownBy(text()), ['hello', 'news', 'a 2', 'b 2']);
    screen.finish(['done']);
    assert.deepEqual(shownBy(text()), ['hello', 'news', 'done']);
    assert.ok(text().endsWith('\x1b[?25h'), 'the cursor is back');
  });

  test('nothing is written when nothing changed, and long lines are cut', () => {
    const { screen, text } = makeScreen(5);
    screen.show(['1234567']);
    const before = text().length;
    screen.show(['1234567']);
    assert.equal(text().length, before);
    assert.deepEqual(shownBy(text()), ['12345']);
  });

  test('a terminal without a width counts as a wide one', () => {
    const { screen, text } = makeScreen(0);
    screen.show(['1234567']);
    assert.deepEqual(shownBy(text()), ['1234567']);
  });

  test('off a terminal there is plain text, now and then', () => {
    const { screen, text, wait } = makeScreen(undefined);
    screen.say('hello');
    screen.show(['a']);
    screen.show(['b']);
    wait(6_000);
    screen.show(['c']);
    screen.finish(['d']);
    assert.equal(text(), 'hello\na\n\nc\n\nd\n');
  });
});
