import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { protocol } from '../http1/http1.ts';
import { FieldList } from '../http2/field-list.ts';

const name = fc.constantFrom('x-envoy-a', 'x-envoy-', 'x-envoy', 'x-a', 'a', 'y-envoy-a', 'x-envoz-a');

test('a prefix is found exactly when a name that is left begins with it', () => {
  fc.assert(
    fc.property(
      fc.array(name, { maxLength: 5 }),
      fc.array(name, { maxLength: 2 }),
      fc.array(name),
      (got, added, gone) => {
        const server = new ScriptedServer(protocol);
        const lines = got.map((each) => `${each.toUpperCase()}: 1\r\n`).join('');
        server.codec.receive(Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`));
        const http1 = server.lastCall.head;
        const http2 = new FieldList(got.flatMap((each) => [each, '1']));
        for (const head of [http1, http2]) {
          for (const each of added) head.add(each, '2');
          for (const each of gone) head.remove(each);
          let expected = false;
          head.visit((each) => {
            if (each.startsWith('x-envoy-')) expected = true;
          });
          assert.equal(head.hasPrefix?.('x-envoy-'), expected);
        }
      },
    ),
  );
});
