import assert from 'node:assert/strict';
import type { JsonValue } from '@bufbuild/protobuf';
import { goldenSuite } from '@sofamesh/testkit/golden';
import { BootstrapError, readBootstrap } from '../config/bootstrap.ts';
import { extensions, registry } from '../config/test-support/readers.ts';
import type { ReadFolder } from './config-folders.ts';
import { isMosnConfig } from './is-mosn-config.ts';
import { convertMosnConfig } from './mosn-config.ts';

const folders: Readonly<Record<string, object>> = {
  clusters: { name: 'app', hosts: [{ address: '127.0.0.1:8080' }] },
  hosts: { name: 'all', domains: ['*'], routers: [{ match: { prefix: '/' }, route: { cluster_name: 'app' } }] },
};

const readFolder: ReadFolder = (folder) => [{ path: `${folder}/one.json`, text: JSON.stringify(folders[folder]) }];

goldenSuite(new URL('./golden/', import.meta.url), ([document]) => {
  assert.ok(isMosnConfig(document as JsonValue));
  const converted = convertMosnConfig(document as JsonValue, readFolder);
  checkBootstrap(JSON.stringify(converted.bootstrap));
  return converted;
});

/** What comes out is a bootstrap that is accepted, but for files that it names. */
function checkBootstrap(text: string): void {
  try {
    readBootstrap([{ text, origin: 'converted' }], registry, extensions);
  } catch (thrown) {
    if (!(thrown instanceof BootstrapError)) throw thrown;
    assert.deepEqual(
      thrown.problems.filter((problem) => !problem.includes('ENOENT')),
      [],
    );
  }
}
