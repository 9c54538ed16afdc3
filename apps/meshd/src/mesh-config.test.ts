import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { defaultMeshSettings, readMeshConfig } from './mesh-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'mesh-config-'));
const file = join(folder, 'mesh.yaml');
after(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string) {
  writeFileSync(file, text);
  return readMeshConfig(file);
}

describe('mesh configuration', () => {
  test('replaces defaults, and tells what has no effect', () => {
    const { settings, ignored } = read(
      'accessLogFile: /dev/stdout\nconnectTimeout: 1.5s\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\ntrustDomain: x\n',
    );
    assert.deepEqual(settings, {
      ...defaultMeshSettings,
      accessLogFile: '/dev/stdout',
      connectTimeoutMs: 1500,
      outboundTrafficPolicy: 'REGISTRY_ONLY',
    });
    assert.deepEqual(ignored, ['trustDomain']);
    assert.deepEqual(read('').settings, defaultMeshSettings);
  });

  const wrong: readonly (readonly [text: string, reason: RegExp])[] = [
    ['a: [', /mesh\.yaml: /],
    ['- a', /must be a map of fields/],
    ['accessLogFile: 7', /mesh\.yaml: accessLogFile: 7: must be a text/],
    ['connectTimeout: soon', /connectTimeout: "soon": must be a duration/],
    ['connectTimeout: -1s', /must be a duration/],
    ['outboundTrafficPolicy: ALLOW_ANY', /outboundTrafficPolicy: "ALLOW_ANY": mode must be/],
    ['outboundTrafficPolicy: null', /mode must be/],
  ];
  for (const [text, reason] of wrong) {
    test(`refuses ${text}`, () => assert.throws(() => read(text), reason));
  }

  test('says that the file is missing', () => {
    assert.throws(() => readMeshConfig(join(folder, 'none.yaml')), /none\.yaml: ENOENT/);
  });
});
