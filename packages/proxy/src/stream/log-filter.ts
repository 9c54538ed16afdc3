import type { Random } from '@sofamesh/base/random';
import type { AccessLog, LogRecord } from '@sofamesh/contract/access-log';
import type { AccessLogConfig } from '../config/extension.ts';
import type { LogFilterConfig } from '../config/log-filter.ts';
import type { EngineEnvironment } from '../environment.ts';
import { grpcStatusOfHttp } from '../route/grpc.ts';
import { HeaderMatch } from '../route/header-match.ts';

/** Decides whether an exchange is logged, or its reply changed. */
export type LogFilter = (record: LogRecord) => boolean;

/** Throws a CodedError that begins with `where`. */
export function compileLogFilter(config: LogFilterConfig, random: Random, where: string): LogFilter {
  switch (config.kind) {
    case 'status':
      return comparing(config.operator, config.value, (record) => record.status);
    case 'duration':
      return comparing(config.operator, config.value, (record) => Math.floor(record.durationMs));
    case 'not-health-check':
      return ({ request }) => request?.get('x-envoy-health-check') === undefined;
    case 'share':
      return () => random.next() * 1_000_000 < config.ppm;
    case 'and': {
      const filters = config.filters.map((each, at) => compileLogFilter(each, random, `${where}[${at}]`));
      return (record) => filters.every((filter) => filter(record));
    }
    case 'or': {
      const filters = config.filters.map((each, at) => compileLogFilter(each, random, `${where}[${at}]`));
      return (record) => filters.some((filter) => filter(record));
    }
    case 'header': {
      const match = new HeaderMatch(config.header, where);
      return ({ request }) => request !== undefined && match.matches(request);
    }
    case 'flags': {
      const wanted = config.flags === 0 ? -1 : config.flags;
      return ({ flags }) => (flags & wanted) !== 0;
    }
    case 'grpc-status': {
      const { statuses, exclude } = config;
      return ({ grpcStatus, status }) => statuses.includes(grpcStatus ?? grpcStatusOfHttp(status)) !== exclude;
    }
  }
}

function comparing(operator: 'eq' | 'ge' | 'le', value: number, of: (record: LogRecord) => number): LogFilter {
  if (operator === 'eq') return (record) => of(record) === value;
  return operator === 'ge' ? (record) => of(record) >= value : (record) => of(record) <= value;
}

/** Opens access logs that write what their filter wants. Throws a CodedError when filter or format is not usable. */
export function filteredLogs({ openAccessLog, random }: EngineEnvironment): (config: AccessLogConfig) => AccessLog {
  return (config) => {
    const log = openAccessLog(config);
    if (config.filter === undefined) return log;
    const wanted = compileLogFilter(config.filter, random, 'access_log.filter');
    return {
      log: (record) => {
        if (wanted(record)) log.log(record);
      },
    };
  };
}
