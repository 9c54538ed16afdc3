import { readFileSync } from 'node:fs';
import type { Registry } from '@bufbuild/protobuf';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { Options } from '../argv.ts';
import { readers } from '../catalogue-config.gen.ts';
import { type BootstrapConfig, type BootstrapText, readBootstrap } from '../config/bootstrap.ts';
import { Extensions } from '../config/extensions.ts';
import { typeRegistry } from '../config/registry.ts';

/** What the program was told to be, and what it takes to read more of that kind. */
export interface LoadedBootstrap {
  readonly config: BootstrapConfig;
  readonly extensions: Extensions;
  readonly registry: Registry;
}

/** Reads what `--config-path` and `--config-yaml` give. Throws a CodedError whose message has a line for each bad field. */
export function loadBootstrap(options: Options, logger: Logger): LoadedBootstrap {
  const texts: BootstrapText[] = [];
  if (options.configPath !== undefined)
    texts.push({ text: readConfig(options.configPath), origin: options.configPath });
  if (options.configYaml !== undefined) texts.push({ text: options.configYaml, origin: '--config-yaml' });
  const extensions = new Extensions(readers);
  const registry = typeRegistry(extensions);
  const config = readBootstrap(texts, registry, extensions);
  for (const warning of config.warnings) logger.warn(warning);
  return { config, extensions, registry };
}

function readConfig(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new CodedError('bad_bootstrap', `--config-path: ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
