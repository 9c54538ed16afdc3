import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { splitDocuments } from './split.ts';

const chunks = (text: string) => [...splitDocuments(text)].map((chunk) => [chunk.firstLine, chunk.text]);

describe('telling documents apart', () => {
  test('at lines that begin with three dashes', () => {
    assert.deepEqual(chunks('a\n---\nb\n--- c\n----\n ---\n---'), [
      [1, 'a\n'],
      [2, '---\nb\n'],
      [4, '--- c\n----\n ---\n'],
      [7, '---'],
    ]);
    assert.deepEqual(chunks('---\na'), [[1, '---\na']]);
    assert.deepEqual(chunks(''), []);
  });

  test('comments and directives at the top belong to the first document', () => {
    assert.deepEqual(chunks('\uFEFF# c\r\n%YAML 1.2\n\n---\na\n---\nb'), [
      [1, '# c\r\n%YAML 1.2\n\n---\na\n'],
      [6, '---\nb'],
    ]);
  });

  test('loses nothing, and counts lines', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('---', '\n', ' ', '#', 'a', '\r\n', '%')).map((parts) => parts.join('')),
        (text) => {
          const found = [...splitDocuments(text)];
          assert.equal(found.map((chunk) => chunk.text).join(''), text);
          let line = 1;
          for (const chunk of found) {
            assert.equal(chunk.firstLine, line);
            line += chunk.text.split('\n').length - 1;
          }
        },
      ),
    );
  });
});
