import { mkdtempSync, rmSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@sofamesh/base/clock';
import { configStoreSuite } from '@sofamesh/testkit/config-store-suite';
import { FolderStore } from './folder-store.ts';

configStoreSuite('folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'folder-store-suite-'));
  const file = (name: string) => join(folder, `${name}.yaml`);
  return {
    makeStore: () => new FolderStore([folder], { clock: systemClock, rescanMs: 200 }),
    async write(name, text) {
      // As editors do.
      await writeFile(`${file(name)}.swp`, text);
      await rename(`${file(name)}.swp`, file(name));
    },
    remove: (name) => rm(file(name)),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
