import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';

const inputSuffix = '.input.yaml';

/**
 * A test for every `NAME.input.yaml` of a folder: what `produce` makes of its documents has to equal `NAME.expected.yaml`.
 * With UPDATE_GOLDEN=1 in the environment the expectations are written instead; read the difference before it is kept.
 */
export function goldenSuite(folder: URL, produce: (documents: readonly unknown[]) => unknown): void {
  const path = fileURLToPath(folder);
  const names = readdirSync(path)
    .filter((file) => file.endsWith(inputSuffix))
    .map((file) => file.slice(0, -inputSuffix.length));
  describe(`golden files of ${basename(dirname(path))}`, () => {
    test('there are some', () => assert.ok(names.length > 0, `no *${inputSuffix} in ${path}`));
    for (const name of names) {
      test(name, () => {
        const actual = stringify(produce(readYaml(`${path}${name}${inputSuffix}`)), {
          lineWidth: 0,
          aliasDuplicateObjects: false,
        });
        const expected = `${path}${name}.expected.yaml`;
        if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(expected, actual);
        assert.ok(existsSync(expected), `${expected} is missing: run once with UPDATE_GOLDEN=1`);
        assert.equal(actual, readFileSync(expected, 'utf8'));
      });
    }
  });
}

/** The documents of a YAML file. Throws for the first that is none. */
export function readYaml(file: string): unknown[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as unknown;
  });
}
