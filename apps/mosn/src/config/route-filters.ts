import type { Any } from '@bufbuild/protobuf/wkt';
import { FilterConfigSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import { decodeAny, type Extensions, typeNameOf } from './extensions.ts';
import { FieldError } from './fields.ts';
import { below } from './header-mutation.ts';

/** `typed_per_filter_config` of a table, virtual host, route or weighted cluster. */
export function readFilterConfigs(
  configs: Readonly<Record<string, Any>>,
  extensions: Extensions,
  path: string,
): Record<string, unknown> {
  return extensions.perFilter(configs, unwrap, `${below(path)}typed_per_filter_config`);
}

/** `envoy.config.route.v3.FilterConfig` wraps a configuration to say that it is optional. */
function unwrap(any: Any): { readonly config: Any | undefined; readonly optional: boolean } {
  if (typeNameOf(any) !== FilterConfigSchema.typeName) return { config: any, optional: false };
  const { config, isOptional, disabled } = decodeAny(FilterConfigSchema, any, 'typed_per_filter_config');
  if (disabled) throw new FieldError('typed_per_filter_config', 'disabled', 'is not supported');
  return { config, optional: isOptional };
}
