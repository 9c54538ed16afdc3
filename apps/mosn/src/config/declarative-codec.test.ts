import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { declarativeFormat } from '@sofamesh/protocols/shared/declarative/declarative-format';
import { boltSpec, dubboSpec, exampleSpec } from '@sofamesh/protocols/shared/declarative/sample-specs.test';
import { parse } from 'yaml';

const document = readFileSync(new URL('../../../../docs/declarative-codec.md', import.meta.url), 'utf8');

test('the specs of the document are those that the protocol suite was run with', () => {
  const specs = [...document.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => parse(text!));
  assert.deepEqual(specs, [exampleSpec, boltSpec, dubboSpec]);
  for (const spec of specs) assert.equal(declarativeFormat(spec, 'document').name, spec.name);
});
