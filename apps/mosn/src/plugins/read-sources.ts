import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRegistry, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { TypedExtensionConfigSchema } from '@sofamesh/api/gen/envoy/config/core/v3/extension_pb';
import {
  type Plugin,
  PluginsSchema,
  type WasmCodec,
} from '@sofamesh/api/gen/mosn/extensions/bootstrap/plugins/v1/plugins_pb';
import { messageOf } from '@sofamesh/base/errors';
import { compileGuest } from '@sofamesh/protocols/shared/wasm/guest';
import { BootstrapError, type BootstrapText } from '../config/bootstrap.ts';
import { bootstrapExtensions, isPlugins } from '../config/bootstrap-extensions.ts';
import { decodeAny } from '../config/extensions.ts';
import { FieldError } from '../config/fields.ts';
import { checkJson } from '../config/json-check.ts';
import { loadText } from '../config/load-text.ts';
import type { PluginSource, WasmSource } from './plugin-source.ts';

/** Memory of a guest, in pages of 64 KiB. */
const memoryPagesDefault = 1024;
const memoryPagesMax = 16_384;
/** First bytes of a frame that a guest may need before it tells how long it is. */
const headBytesDefault = 64;
const headBytesMax = 4096;

/**
 * The plug-ins that bootstraps ask for. They are wanted before anything else is read, for a bootstrap may use what they
 * add; so what is wrong elsewhere in a text is left for others to tell. `folder`: what paths are relative to. Throws
 * {@link BootstrapError}.
 */
export function readPluginSources(text: BootstrapText, folder: string): PluginSource[] {
  const problems: string[] = [];
  const sources: PluginSource[] = [];
  for (const [index, extension] of extensionsIn(text).entries()) {
    if (!isPlugins(extension)) continue;
    const path = `bootstrap_extensions[${index}]`;
    const errors = checkJson(TypedExtensionConfigSchema, extension, registry, path);
    problems.push(...errors.map(({ message }) => message));
    if (errors.length > 0) continue;
    const { typedConfig } = fromJson(TypedExtensionConfigSchema, extension, { registry });
    const { plugins } = decodeAny(PluginsSchema, typedConfig!, `${path}.typed_config`);
    for (const [at, plugin] of plugins.entries()) {
      try {
        sources.push(readPlugin(plugin, `${path}.typed_config.plugins[${at}]`, folder));
      } catch (thrown) {
        problems.push(messageOf(thrown));
      }
    }
  }
  if (problems.length > 0) throw new BootstrapError(problems);
  return sources;
}

const registry = createRegistry(PluginsSchema);

function extensionsIn({ text, origin }: BootstrapText): readonly JsonValue[] {
  try {
    return bootstrapExtensions(loadText(text, origin));
  } catch {
    return [];
  }
}

function readPlugin({ source, config = {} }: Plugin, where: string, folder: string): PluginSource {
  switch (source.case) {
    case 'path': {
      const url = pathToFileURL(resolve(folder, notEmpty(source.value, `${where}.path`))).href;
      return { kind: 'module', where, label: source.value, url, config };
    }
    case 'package': {
      const name = notEmpty(source.value, `${where}.package`);
      return { kind: 'package', where, label: name, name, folder, config };
    }
    case 'wasm':
      return readWasm(source.value, `${where}.wasm`, folder);
    case 'declarative':
      return { kind: 'declarative', where: `${where}.declarative`, label: 'inline', spec: source.value };
    case 'declarativeFile': {
      const at = `${where}.declarative_file`;
      const label = notEmpty(source.value, at);
      const text = readFile(label, folder, at).toString('utf8');
      return { kind: 'declarative', where: at, label, spec: loadText(text, label) };
    }
    default:
      throw new FieldError(where, undefined, 'needs path, package, wasm, declarative or declarative_file');
  }
}

function readWasm(codec: WasmCodec, where: string, folder: string): WasmSource {
  const name = notEmpty(codec.name, `${where}.name`);
  const label = notEmpty(codec.path, `${where}.path`);
  const pagesMax = within(codec.maxMemoryPages, memoryPagesDefault, memoryPagesMax, `${where}.max_memory_pages`);
  const headBytes = within(codec.headBytes, headBytesDefault, headBytesMax, `${where}.head_bytes`);
  const bytes = readFile(label, folder, `${where}.path`);
  try {
    const module = compileGuest(bytes, pagesMax);
    return { kind: 'wasm', where, label, name, module, headBytes, exclusive: codec.exclusive };
  } catch (thrown) {
    throw new FieldError(`${where}.path`, label, messageOf(thrown), { cause: thrown });
  }
}

function readFile(path: string, folder: string, where: string): Buffer {
  try {
    return readFileSync(resolve(folder, path));
  } catch (thrown) {
    throw new FieldError(where, path, messageOf(thrown), { cause: thrown });
  }
}

function notEmpty(value: string, path: string): string {
  if (value === '') throw new FieldError(path, '', 'must not be empty');
  return value;
}

function within(value: number | undefined, fallback: number, most: number, path: string): number {
  if (value === undefined) return fallback;
  if (value < 1 || value > most) throw new FieldError(path, value, `must be 1 to ${most}`);
  return value;
}
