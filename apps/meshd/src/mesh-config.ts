import { readFileSync } from 'node:fs';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import { parseDurationMs } from '@sofamesh/model/duration';
import type { MeshSettings } from '@sofamesh/translate/input';
import { parse } from 'yaml';

/** Istio's defaults, as far as this control plane acts on them. */
export const defaultMeshSettings: MeshSettings = {
  rootNamespace: 'istio-system',
  domain: 'cluster.local',
  outboundTrafficPolicy: 'ALLOW_ANY',
  accessLogFile: '',
  accessLogFormat: '',
  connectTimeoutMs: 10_000,
};

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a file of Istio's MeshConfig. `ignored` has the fields that are not acted on. Throws a CodedError that names the file,
 * and the field with its value.
 */
export function readMeshConfig(file: string): { readonly settings: MeshSettings; readonly ignored: readonly string[] } {
  let fields: unknown;
  try {
    fields = parse(readFileSync(file, 'utf8'), { maxAliasCount: 100 }) ?? {};
  } catch (thrown) {
    throw new CodedError('bad_mesh_config', `${file}: ${messageOf(thrown)}`);
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new CodedError('bad_mesh_config', `${file}: must be a map of fields`);
  }
  return settingsOf(fields as Fields, file);
}

function settingsOf(fields: Fields, file: string) {
  const ignored: string[] = [];
  const settings: { -readonly [Field in keyof MeshSettings]: MeshSettings[Field] } = { ...defaultMeshSettings };
  for (const [name, value] of Object.entries(fields)) {
    const bad = (reason: string) =>
      new CodedError('bad_mesh_config', `${file}: ${name}: ${JSON.stringify(value)}: ${reason}`);
    const text = () => {
      if (typeof value !== 'string') throw bad('must be a text');
      return value;
    };
    switch (name) {
      case 'rootNamespace':
      case 'accessLogFile':
      case 'accessLogFormat':
        settings[name] = text();
        break;
      case 'connectTimeout': {
        const ms = parseDurationMs(text());
        if (ms === undefined || ms <= 0) throw bad('must be a duration such as 10s');
        settings.connectTimeoutMs = ms;
        break;
      }
      case 'outboundTrafficPolicy': {
        const mode = typeof value === 'object' && value !== null ? (value as Fields)['mode'] : undefined;
        if (mode !== 'ALLOW_ANY' && mode !== 'REGISTRY_ONLY') throw bad('mode must be ALLOW_ANY or REGISTRY_ONLY');
        settings.outboundTrafficPolicy = mode;
        break;
      }
      default:
        ignored.push(name);
    }
  }
  return { settings, ignored };
}
