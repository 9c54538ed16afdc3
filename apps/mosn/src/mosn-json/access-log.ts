import type { JsonObject } from '@bufbuild/protobuf';
import { extension } from './envoy-json.ts';
import type { JsonFields } from './json-fields.ts';
import { operatorOf } from './variables.ts';

/** MOSN's own format, without what this proxy has no value for. */
const defaultFormat =
  '%start_time% %connection_id% %response_received_duration% %bytes_sent% %bytes_received% %protocol% %response_code% ' +
  '%duration% %response_flag% %upstream_local_address% %downstream_local_address% %downstream_remote_address% %upstream_host%';

/** `%REQ(x)%` and the like: many files are written for both proxies. */
const envoyOperator = /^[A-Z_0-9]+(?:\([^()%]*\))?(?::\d+)?$/;

/** Facts of the listener that stand in a format as variables. */
export interface ListenerFacts {
  readonly name: string;
  readonly port: number | undefined;
  readonly type: string;
}

/** `access_logs` of a listener. */
export function readAccessLogs(listener: JsonFields, facts: ListenerFacts): JsonObject[] {
  return listener.objects('access_logs').flatMap((log) => {
    const format = translateFormat(log, facts);
    const path = log.text('log_path');
    log.end('an access log');
    if (path === undefined) {
      log.refuse('log_path', 'is required: stdout, stderr or a file');
      return [];
    }
    if (format === undefined) return [];
    return [logger(path, { text_format_source: { inline_string: `${format}\n` } })];
  });
}

function logger(path: string, format: JsonObject): JsonObject {
  const streams = 'envoy.extensions.access_loggers.stream.v3';
  const log_format = format;
  if (path === 'stdout' || path === '/dev/stdout')
    return extension('envoy.access_loggers.stdout', `${streams}.StdoutAccessLog`, { log_format });
  if (path === 'stderr' || path === '/dev/stderr')
    return extension('envoy.access_loggers.stderr', `${streams}.StderrAccessLog`, { log_format });
  return extension('envoy.access_loggers.file', 'envoy.extensions.access_loggers.file.v3.FileAccessLog', {
    path,
    log_format,
  });
}

function translateFormat(log: JsonFields, facts: ListenerFacts): string | undefined {
  const format = log.text('log_format') ?? defaultFormat;
  // A percent sign is written \% in a format.
  const pieces = format.split(/(?<!\\)%/);
  if (pieces.length % 2 === 0) {
    log.refuse('log_format', 'ends inside a %variable%');
    return undefined;
  }
  return pieces
    .map((piece, at) => {
      const text = piece.replaceAll('\\%', '%');
      return at % 2 === 0 ? text.replaceAll('%', '%%') : variableText(text, log, facts);
    })
    .join('');
}

function variableText(variable: string, log: JsonFields, { name, port, type }: ListenerFacts): string {
  const fixed = { listener_name: name, listener_port: port === undefined ? '-' : String(port), listener_type: type };
  if (Object.hasOwn(fixed, variable)) return fixed[variable as keyof typeof fixed].replaceAll('%', '%%');
  const operator = operatorOf(variable) ?? (envoyOperator.test(variable) ? variable : undefined);
  if (operator !== undefined && operator !== 'absent') return `%${operator}%`;
  const why = operator === undefined ? 'is not known' : 'has no value in this proxy';
  log.report.warn(log.at('log_format'), `%${variable}%`, `${why}: "-" is printed`);
  return '-';
}
