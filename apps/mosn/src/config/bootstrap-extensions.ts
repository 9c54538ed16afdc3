import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { PluginsSchema } from '@sofamesh/api/gen/mosn/extensions/bootstrap/plugins/v1/plugins_pb';

/** What may stand in `bootstrap_extensions`; its messages belong in the JSON registry. */
export const bootstrapExtensionSchemas = [PluginsSchema];

/** `bootstrap_extensions` of a bootstrap as it was loaded; empty unless it is a list. */
export function bootstrapExtensions(bootstrap: JsonValue): readonly JsonValue[] {
  if (!isObject(bootstrap)) return [];
  const list = bootstrap['bootstrap_extensions'] ?? bootstrap['bootstrapExtensions'];
  return Array.isArray(list) ? list : [];
}

/** The extension is `mosn.extensions.bootstrap.plugins.v1.Plugins`. */
export function isPlugins(extension: JsonValue): boolean {
  const config = isObject(extension) ? (extension['typed_config'] ?? extension['typedConfig']) : undefined;
  const typeUrl = isObject(config) ? config['@type'] : undefined;
  return typeof typeUrl === 'string' && typeUrl.slice(typeUrl.lastIndexOf('/') + 1) === PluginsSchema.typeName;
}

/** The extensions that are acted on; `left` is told of the others. Anything but a list is given back as it is. */
export function keepKnownExtensions(value: JsonValue, left: (at: string) => void): JsonValue {
  if (!Array.isArray(value)) return value;
  return value.filter((extension, index) => {
    // What is no extension at all is refused where everything is checked.
    const known = isPlugins(extension) || !isObject(extension);
    const name = isObject(extension) && typeof extension['name'] === 'string' ? ` (${extension['name']})` : '';
    if (!known) left(`bootstrap_extensions[${index}]${name}`);
    return known;
  });
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
