import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonValue } from '@bufbuild/protobuf';
import { messageOf } from '@sofamesh/base/errors';
import { loadText } from '../config/load-text.ts';
import { JsonFields } from './json-fields.ts';

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** The `.json` files of a folder by their names. Throws the system's error. */
export type ReadFolder = (folder: string) => readonly ConfigFile[];

export const readFolder: ReadFolder = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(folder, name), 'utf8') }));

/** Lists whose entries may lie in a folder, a file each: clusters and virtual hosts. */
export class ConfigFolders {
  readonly #readFolder: ReadFolder;

  constructor(read: ReadFolder) {
    this.#readFolder = read;
  }

  /** The entries of `list`, else those in the folder that `folder` names. MOSN takes one of the two. */
  objects(fields: JsonFields, list: string, folder: string): JsonFields[] {
    const inline = fields.objects(list);
    const path = fields.text(folder);
    if (path === undefined) return inline;
    if (inline.length > 0) fields.refuse(folder, `cannot stand beside ${list}`);
    try {
      return this.#readFolder(path).flatMap((file) => JsonFields.of(parse(file), file.path, fields.report) ?? []);
    } catch (thrown) {
      fields.refuse(folder, messageOf(thrown));
      return [];
    }
  }
}

function parse({ path, text }: ConfigFile): JsonValue {
  return loadText(text, path);
}
