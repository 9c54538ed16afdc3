import { fromBinary } from '@bufbuild/protobuf';
import { GrpcWebSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb';
import type { ConfigReader } from '@sofamesh/contract/filter';
import type { GrpcWebConfig } from './grpc-web.ts';

/** Reads `envoy.extensions.filters.http.grpc_web.v3.GrpcWeb`, which has no fields. */
export const reader: ConfigReader<GrpcWebConfig> = {
  name: 'envoy.filters.http.grpc_web',
  schemas: [GrpcWebSchema],
  read(_typeName, value) {
    fromBinary(GrpcWebSchema, value);
    return {};
  },
};
