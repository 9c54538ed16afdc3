import { fromBinary } from '@bufbuild/protobuf';
import { SniClusterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb';
import type { NetworkFilterReader } from '@sofamesh/contract/network-filter';

/** Reads `envoy.extensions.filters.network.sni_cluster.v3.SniCluster`, which has no fields. */
export const reader: NetworkFilterReader<undefined> = {
  name: 'envoy.filters.network.sni_cluster',
  terminal: false,
  schemas: [SniClusterSchema],
  read(_typeName, value) {
    fromBinary(SniClusterSchema, value);
    return undefined;
  },
};
