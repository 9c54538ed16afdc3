import type { JsonObject } from '@bufbuild/protobuf';
import { extension, optional } from './envoy-json.ts';

/** The listener filters that a TCP listener needs. */
export function inspectors(needs: {
  readonly destination: boolean;
  readonly tls: boolean;
  readonly protocols: readonly string[];
}): JsonObject {
  const filters: JsonObject[] = [];
  const listenerFilters = 'envoy.extensions.filters.listener';
  if (needs.destination)
    filters.push(extension('envoy.filters.listener.original_dst', `${listenerFilters}.original_dst.v3.OriginalDst`));
  if (needs.tls)
    filters.push(extension('envoy.filters.listener.tls_inspector', `${listenerFilters}.tls_inspector.v3.TlsInspector`));
  if (needs.protocols.length > 0) {
    filters.push(
      extension(
        'mosn.filters.listener.protocol_inspector',
        'mosn.extensions.filters.listener.protocol_inspector.v1.ProtocolInspector',
        { protocols: [...needs.protocols] },
      ),
    );
  }
  return optional('listener_filters', filters);
}
