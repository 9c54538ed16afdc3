import { fromBinary } from '@bufbuild/protobuf';
import { EchoSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/echo/v3/echo_pb';
import type { NetworkFilterReader } from '@sofamesh/contract/network-filter';

/** Reads `envoy.extensions.filters.network.echo.v3.Echo`, which has no fields. */
export const reader: NetworkFilterReader<undefined> = {
  name: 'envoy.filters.network.echo',
  terminal: true,
  schemas: [EchoSchema],
  read(_typeName, value) {
    fromBinary(EchoSchema, value);
    return undefined;
  },
};
