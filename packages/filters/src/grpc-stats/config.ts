import { fromBinary } from '@bufbuild/protobuf';
import {
  type FilterConfig,
  FilterConfigSchema,
} from '@sofamesh/api/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb';
import type { ConfigReader } from '@sofamesh/contract/filter';
import type { GrpcStatsConfig } from './grpc-stats.ts';

/** Reads `envoy.extensions.filters.http.grpc_stats.v3.FilterConfig`; `emit_filter_state` has no reader and does nothing. */
export const reader: ConfigReader<GrpcStatsConfig> = {
  name: 'envoy.filters.http.grpc_stats',
  schemas: [FilterConfigSchema],
  read(_typeName, value) {
    const message = fromBinary(FilterConfigSchema, value);
    const methods = readMethods(message);
    return {
      methods,
      upstreamTime: message.enableUpstreamStats,
      replaceDots: methods === 'all' && message.replaceDotsInGrpcServiceName,
    };
  },
};

function readMethods({ perMethodStatSpecifier: chosen }: FilterConfig): GrpcStatsConfig['methods'] {
  switch (chosen.case) {
    case 'statsForAllMethods':
      return chosen.value.value ? 'all' : 'none';
    case 'individualMethodStatsAllowlist':
      return chosen.value.services.flatMap(({ name, methodNames }) =>
        methodNames.map((method) => `/${name}/${method}`),
      );
    default:
      return 'none';
  }
}
