import type {
  Http1ProtocolOptions_HeaderKeyFormat as HeaderKeyFormat,
  Http1ProtocolOptions,
} from '@sofamesh/api/gen/envoy/config/core/v3/protocol_pb';
import { PreserveCaseFormatterConfigSchema } from '@sofamesh/api/gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb';
import type { Http1Settings } from '@sofamesh/protocols/http1/settings';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { FieldError, present } from './fields.ts';

/** Formatters of header names; their messages belong in the JSON registry. */
export const headerFormatterSchemas = [PreserveCaseFormatterConfigSchema];

/** `envoy.config.core.v3.Http1ProtocolOptions`; undefined when it changes nothing. */
export function readHttp1Settings(
  options: Http1ProtocolOptions | undefined,
  path: string,
  { ignored }: Pick<ReadContext, 'ignored'>,
): Http1Settings | undefined {
  if (options === undefined) return undefined;
  const { acceptHttp10, defaultHostForHttp10, allowAbsoluteUrl, headerKeyFormat: format } = options;
  if (options.sendFullyQualifiedUrl)
    throw new FieldError(`${path}.send_fully_qualified_url`, 'true', 'is not supported');
  // After a message that HTTP/1 does not allow, nobody can tell where the next one begins: the connection always ends.
  if (options.overrideStreamErrorOnInvalidHttpMessage) ignored(`${path}.override_stream_error_on_invalid_http_message`);
  const spelling = format && readKeyFormat(format, `${path}.header_key_format`);
  const settings: Http1Settings = {
    ...(acceptHttp10 && { acceptHttp10 }),
    ...(defaultHostForHttp10 !== '' && { defaultHostForHttp10 }),
    ...spelling,
    ...(allowAbsoluteUrl !== undefined && { allowAbsoluteUrl }),
    ...(options.enableTrailers && { enableTrailers: true }),
    ...(options.allowChunkedLength && { allowChunkedLength: true }),
  };
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function readKeyFormat({ headerFormat }: HeaderKeyFormat, path: string): Http1Settings {
  switch (headerFormat.case) {
    case 'properCaseWords':
      return { headerKeyFormat: 'proper' };
    case 'statefulFormatter': {
      const any = headerFormat.value.typedConfig;
      const at = `${path}.stateful_formatter`;
      if (any === undefined || typeNameOf(any) !== PreserveCaseFormatterConfigSchema.typeName) {
        throw new FieldError(at, any?.typeUrl, 'is not supported');
      }
      const { forwardReasonPhrase } = decodeAny(PreserveCaseFormatterConfigSchema, any, at);
      return { headerKeyFormat: 'preserve', ...(forwardReasonPhrase && { forwardReasonPhrase }) };
    }
    case undefined:
      throw new FieldError(path, present, 'must have one of proper_case_words, stateful_formatter');
  }
}
