import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Registry } from '@bufbuild/protobuf';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { Options } from '../argv.ts';
import { networkReaders, readers } from '../catalogue-config.gen.ts';
import { type BootstrapConfig, type BootstrapText, readBootstrap, type Translate } from '../config/bootstrap.ts';
import { Extensions } from '../config/extensions.ts';
import { typeRegistry } from '../config/registry.ts';
import { type LoadedPlugins, noPlugins } from '../plugins/loaded-plugins.ts';
import type { PluginSource } from '../plugins/plugin-source.ts';

/** What the program was told to be, and what it takes to read more of that kind. */
export interface LoadedBootstrap {
  readonly config: BootstrapConfig;
  readonly extensions: Extensions;
  readonly registry: Registry;
  /** As worker threads load them, too. */
  readonly pluginSources: readonly PluginSource[];
  readonly plugins: LoadedPlugins;
}

/** Where a text comes from is where its paths begin. */
export interface LocatedText extends BootstrapText {
  readonly folder: string;
}

/** What the command line gives: `--config-path`, `--config-yaml`, and names of the node. Throws a CodedError. */
export function readTexts({ configPath, configYaml, serviceNode, serviceCluster }: Options): LocatedText[] {
  const texts: LocatedText[] = [];
  if (configPath !== undefined) {
    texts.push({ text: readConfig(configPath), origin: configPath, folder: dirname(resolve(configPath)) });
  }
  const folder = process.cwd();
  if (configYaml !== undefined) texts.push({ text: configYaml, origin: '--config-yaml', folder });
  if (serviceNode !== undefined || serviceCluster !== undefined) {
    const text = JSON.stringify({ node: { id: serviceNode, cluster: serviceCluster } });
    texts.push({ text, origin: '--service-node, --service-cluster', folder });
  }
  return texts;
}

/** What only some programs need. */
export interface LoadParts {
  readonly translate?: Translate | undefined;
  readonly pluginSources?: readonly PluginSource[];
  readonly plugins?: LoadedPlugins;
}

/** Reads bootstraps. Throws a CodedError whose message has a line for each bad field. */
export function loadBootstrap(
  texts: readonly BootstrapText[],
  logger: Logger,
  { translate, pluginSources = [], plugins = noPlugins }: LoadParts = {},
): LoadedBootstrap {
  const extensions = new Extensions(readers, networkReaders, plugins);
  const registry = typeRegistry(extensions);
  const config = readBootstrap(texts, registry, extensions, translate);
  for (const warning of config.warnings) logger.warn(warning);
  return { config, extensions, registry, pluginSources, plugins };
}

function readConfig(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new CodedError('bad_bootstrap', `--config-path: ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
