import { readFile } from 'node:fs/promises';
import { changeLibrary, libraryFile } from '@sofamesh/api/late/library-changes';
import type { Plugin } from 'esbuild';

/** Changes the protobuf library as a start from source does. */
export const lazyProtobuf: Plugin = {
  name: 'lazy-protobuf',
  setup(build) {
    build.onLoad({ filter: libraryFile }, async ({ path }) => {
      const { source, warning } = changeLibrary(path, await readFile(path, 'utf8'));
      return { contents: source, ...(warning !== undefined && { warnings: [{ text: warning }] }) };
    });
  },
};
