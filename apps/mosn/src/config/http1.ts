import type { Http1ProtocolOptions } from '@sofamesh/api/gen/envoy/config/core/v3/protocol_pb';
import type { Http1Settings } from '@sofamesh/protocols/http1/settings';

/** `envoy.config.core.v3.Http1ProtocolOptions`; undefined when it changes nothing. */
export function readHttp1Settings(options: Http1ProtocolOptions | undefined): Http1Settings | undefined {
  if (options === undefined) return undefined;
  const { acceptHttp10, defaultHostForHttp10 } = options;
  if (!acceptHttp10 && defaultHostForHttp10 === '') return undefined;
  return { acceptHttp10, ...(defaultHostForHttp10 !== '' && { defaultHostForHttp10 }) };
}
