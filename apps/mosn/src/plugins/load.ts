import type { Clock } from '@sofamesh/base/clock';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { BalancerKind } from '@sofamesh/contract/balancer';
import type { FrameFormat } from '@sofamesh/contract/frame-format';
import type { PluginFilter, PluginManifest } from '@sofamesh/contract/plugin';
import type { Protocol } from '@sofamesh/contract/protocol';
import { type Kit, kit } from '@sofamesh/protocols/kit';
import { declarativeFormat } from '@sofamesh/protocols/shared/declarative/declarative-format';
import { wasmFormat } from '@sofamesh/protocols/shared/wasm/wasm-format';
import { balancers, composedProtocols, filters, protocols } from '../catalogue.gen.ts';
import { protocolMap } from '../worker/extensions.ts';
import { checkManifest } from './check-manifest.ts';
import { importFile, importPackage, type ModuleNamespace } from './import-module.ts';
import type { LoadedPlugins } from './loaded-plugins.ts';
import type { PluginSource, WasmSource } from './plugin-source.ts';

/** A module that has not become what it is by then waits for something that does not come. */
const loadTimeoutMs = 10_000;

export interface LoadOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Loads the plug-ins of this thread. Throws `bad_plugin` with a line for each that cannot be used: field, path or package,
 * reason.
 */
export async function loadPlugins(
  sources: readonly PluginSource[],
  { clock, logger }: LoadOptions,
): Promise<LoadedPlugins> {
  const names = new TakenNames();
  const problems: string[] = [];
  const manifests: PluginManifest[] = [];
  for (const source of sources) {
    try {
      const manifest = checkManifest(await withinTime(load(source, logger), clock));
      names.take(manifest);
      manifests.push(manifest);
    } catch (thrown) {
      logger.debug('plug-in failed', { from: source.label, stack: thrown instanceof Error ? thrown.stack : undefined });
      problems.push(`${source.where}: ${JSON.stringify(source.label)}: ${oneLine(messageOf(thrown))}`);
    }
  }
  if (problems.length > 0) throw new CodedError('bad_plugin', problems.join('\n'));
  return {
    protocols: manifests.flatMap((manifest) => manifest.protocols ?? []),
    filters: manifests.flatMap((manifest) => manifest.filters ?? []),
    balancers: manifests.flatMap((manifest) => manifest.balancers ?? []),
  };
}

async function load(source: PluginSource, logger: Logger): Promise<unknown> {
  switch (source.kind) {
    case 'module':
      return make(await importFile(source.url), source.config);
    case 'package':
      return make(await importPackage(source.name, source.folder), source.config);
    case 'wasm':
      return protocolOf(wasmFormat({ ...source, origin: source.label, log: logOf(source, logger) }));
    case 'declarative':
      return protocolOf(declarativeFormat(source.spec, source.label));
  }
}

function make(module: ModuleNamespace, config: unknown): unknown {
  let plugin = module['default'];
  // TypeScript's CommonJS has it one deeper.
  if (typeof plugin === 'object' && plugin !== null && 'default' in plugin) plugin = plugin.default;
  if (typeof plugin !== 'function') throw new CodedError('bad_plugin', 'has no function as its default export');
  return (plugin as (kit: Kit, config: unknown) => unknown)(kit, config);
}

function protocolOf(format: FrameFormat): PluginManifest {
  return { name: format.name, protocols: [kit.frameProtocol(format)] };
}

function logOf({ name, label }: WasmSource, logger: Logger): (text: string) => void {
  return (text) => logger.info('WebAssembly codec', { protocol: name, from: label, text });
}

/** Names of everything that is there already, by kind. */
class TakenNames {
  readonly #protocols = new Set([...protocolMap(protocols, composedProtocols).keys(), 'auto']);
  readonly #filters = new Set(filters.map(({ name }) => name));
  readonly #balancers = new Set(balancers.map(({ name }) => name));

  take(manifest: PluginManifest): void {
    const kinds: [string, Set<string>, readonly { readonly name: string }[]][] = [
      ['protocol', this.#protocols, manifest.protocols ?? ([] as readonly Protocol[])],
      ['filter', this.#filters, manifest.filters ?? ([] as readonly PluginFilter[])],
      ['balancer', this.#balancers, manifest.balancers ?? ([] as readonly BalancerKind[])],
    ];
    for (const [kind, taken, added] of kinds) {
      for (const { name } of added) {
        // What is HTTP is chosen by its name.
        if (taken.has(name) || (kind === 'protocol' && name.startsWith('http'))) {
          throw new CodedError('bad_plugin', `there is a ${kind} ${name} already`);
        }
        taken.add(name);
      }
    }
  }
}

function withinTime<Result>(result: Promise<Result>, clock: Clock): Promise<Result> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new CodedError('bad_plugin', `did not load within ${loadTimeoutMs / 1000} s`));
    const timer = clock.after(loadTimeoutMs, late);
    result.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Node says where a source is wrong in several. */
function oneLine(message: string): string {
  return message.replace(/\s*\n\s*/g, ' ').trim();
}
