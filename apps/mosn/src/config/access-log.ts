import type { JsonObject } from '@bufbuild/protobuf';
import type { AccessLog } from '@sofamesh/api/gen/envoy/config/accesslog/v3/accesslog_pb';
import type { SubstitutionFormatString } from '@sofamesh/api/gen/envoy/config/core/v3/substitution_format_string_pb';
import { FileAccessLogSchema } from '@sofamesh/api/gen/envoy/extensions/access_loggers/file/v3/file_pb';
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '@sofamesh/api/gen/envoy/extensions/access_loggers/stream/v3/stream_pb';
import type { AccessLogConfig, JsonFormat, LogFormatConfig } from '@sofamesh/proxy/config/extension';
import { defaultTextFormat } from '@sofamesh/telemetry/access-log/format';
import { decodeAny, typeNameOf } from './extensions.ts';
import { dataOf, FieldError } from './fields.ts';
import { readLogFilter } from './log-filter.ts';

/** Loggers that this proxy writes; their messages belong in the JSON registry. */
export const accessLogSchemas = [FileAccessLogSchema, StdoutAccessLogSchema, StderrAccessLogSchema];

const standardStreams: Readonly<Record<string, AccessLogConfig['sink']>> = {
  '/dev/stdout': { kind: 'stdout' },
  '/dev/stderr': { kind: 'stderr' },
};

/** Reads `envoy.config.accesslog.v3.AccessLog`. */
export function readAccessLog(log: AccessLog, path: string): AccessLogConfig {
  const sink = readLogger(log, path);
  return log.filter === undefined ? sink : { ...sink, filter: readLogFilter(log.filter, `${path}.filter`) };
}

function readLogger(log: AccessLog, path: string): AccessLogConfig {
  const at = `${path}.typed_config`;
  if (log.configType.case !== 'typedConfig') throw new FieldError(at, undefined, 'is required');
  const any = log.configType.value;
  switch (typeNameOf(any)) {
    case FileAccessLogSchema.typeName: {
      const message = decodeAny(FileAccessLogSchema, any, at);
      if (message.path === '') throw new FieldError(`${at}.path`, '', 'must not be empty');
      return {
        sink: standardStreams[message.path] ?? { kind: 'file', path: message.path },
        format: readFileFormat(message.accessLogFormat, at),
      };
    }
    case StdoutAccessLogSchema.typeName:
      return {
        sink: { kind: 'stdout' },
        format: readFileFormat(decodeAny(StdoutAccessLogSchema, any, at).accessLogFormat, at),
      };
    case StderrAccessLogSchema.typeName:
      return {
        sink: { kind: 'stderr' },
        format: readFileFormat(decodeAny(StderrAccessLogSchema, any, at).accessLogFormat, at),
      };
    default:
      throw new FieldError(at, any.typeUrl, 'is not supported');
  }
}

type FormatField =
  | { readonly case: 'format'; readonly value: string }
  | { readonly case: 'jsonFormat' | 'typedJsonFormat'; readonly value: JsonObject }
  | { readonly case: 'logFormat'; readonly value: SubstitutionFormatString }
  | { readonly case: undefined; readonly value?: undefined };

function readFileFormat(format: FormatField, path: string): LogFormatConfig {
  switch (format.case) {
    case undefined:
      return { kind: 'text', text: defaultTextFormat };
    case 'format':
      return { kind: 'text', text: format.value };
    case 'jsonFormat':
    case 'typedJsonFormat':
      return { kind: 'json', json: format.value as JsonFormat };
    case 'logFormat':
      return readSubstitution(format.value, `${path}.log_format`);
  }
}

/** Reads `envoy.config.core.v3.SubstitutionFormatString`. */
export function readSubstitution({ format, omitEmptyValues }: SubstitutionFormatString, path: string): LogFormatConfig {
  const omits = omitEmptyValues ? { omitsEmpty: true } : {};
  switch (format.case) {
    case 'textFormat':
      return { kind: 'text', text: format.value === '' ? defaultTextFormat : format.value, ...omits };
    case 'textFormatSource':
      return { kind: 'text', text: dataOf(format.value, `${path}.text_format_source`) ?? '', ...omits };
    case 'jsonFormat':
      return { kind: 'json', json: format.value as JsonFormat, ...omits };
    case undefined:
      throw new FieldError(path, undefined, 'must have one of text_format, text_format_source, json_format');
  }
}
