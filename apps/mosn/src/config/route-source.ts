import { toBinary } from '@bufbuild/protobuf';
import { type RouteConfiguration, RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { Rds } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { RouteSource } from '@sofamesh/proxy/config/listener';
import { readConfigSource } from './config-source.ts';
import { contentVersion } from './content-version.ts';
import type { ReadContext } from './context.ts';
import { FieldError, present } from './fields.ts';
import { readRouteTable } from './route.ts';

/** A route table that comes by RDS. */
export interface RouteReference {
  readonly name: string;
  /** How long a listener waits for it; 0 for ever. */
  readonly fetchTimeoutMs: number;
}

type RouteSpecifier =
  | { readonly case: 'rds'; readonly value: Rds }
  | { readonly case: 'routeConfig'; readonly value: RouteConfiguration }
  | { readonly case: 'scopedRoutes'; readonly value: unknown }
  | { readonly case: undefined; readonly value?: undefined };

function within({ ignored }: ReadContext, path: string): ReadContext['ignored'] {
  return (field) => ignored(`${path}.route_config.${field}`);
}

/** Routes of a filter; a table by RDS is added to `references`. */
export function readRouteSource(
  specifier: RouteSpecifier,
  path: string,
  context: ReadContext,
  references: RouteReference[],
): RouteSource {
  switch (specifier.case) {
    case 'rds': {
      const { configSource, routeConfigName: name } = specifier.value;
      if (name === '') throw new FieldError(`${path}.rds.route_config_name`, '', 'must not be empty');
      references.push({ name, ...readConfigSource(configSource, `${path}.rds.config_source`) });
      return { kind: 'named', name };
    }
    case 'routeConfig':
      try {
        // Of the table alone: a change of anything else in the listener must not look like one of its routes.
        const version = contentVersion(toBinary(RouteConfigurationSchema, specifier.value));
        return {
          kind: 'inline',
          table: readRouteTable(specifier.value, version, {
            extensions: context.extensions,
            // As in Envoy, unless the table says that it may name others.
            clusters: specifier.value.validateClusters === false ? undefined : context.clusters,
            ignored: within(context, path),
          }),
        };
      } catch (thrown) {
        throw thrown instanceof FieldError ? thrown.within(`${path}.route_config`) : thrown;
      }
    case 'scopedRoutes':
      throw new FieldError(`${path}.scoped_routes`, present, 'is not supported');
    case undefined:
      throw new FieldError(path, undefined, 'must have one of rds, route_config');
  }
}
