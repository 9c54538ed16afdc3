import { fromBinary } from '@bufbuild/protobuf';
import { RouterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import type { ConfigReader } from '@sofamesh/contract/filter';
import type { RouterConfig } from './router.ts';

/** Reads `envoy.extensions.filters.http.router.v3.Router`. */
export const reader: ConfigReader<RouterConfig> = {
  name: 'envoy.filters.http.router',
  schemas: [RouterSchema],
  read(_typeName, value) {
    const message = fromBinary(RouterSchema, value);
    return { suppressEnvoyHeaders: message.suppressEnvoyHeaders };
  },
};
