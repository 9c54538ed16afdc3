import {
  type AccessLogFilter,
  type ComparisonFilter,
  ComparisonFilter_Op as Operator,
} from '@sofamesh/api/gen/envoy/config/accesslog/v3/accesslog_pb';
import { responseFlagOf } from '@sofamesh/contract/message';
import type { LogFilterConfig } from '@sofamesh/proxy/config/log-filter';
import { FieldError, mapAt, present, snake } from './fields.ts';
import { partsPerMillion, readHeaderMatch } from './route-match.ts';

/** Reads `envoy.config.accesslog.v3.AccessLogFilter`. */
export function readLogFilter({ filterSpecifier: filter }: AccessLogFilter, path: string): LogFilterConfig {
  switch (filter.case) {
    case 'statusCodeFilter':
      return { kind: 'status', ...readComparison(filter.value.comparison, `${path}.status_code_filter.comparison`) };
    case 'durationFilter':
      return { kind: 'duration', ...readComparison(filter.value.comparison, `${path}.duration_filter.comparison`) };
    case 'notHealthCheckFilter':
      return { kind: 'not-health-check' };
    case 'runtimeFilter': {
      const share = filter.value.percentSampled;
      return { kind: 'share', ppm: share === undefined ? 0 : partsPerMillion(share) };
    }
    case 'andFilter':
      return { kind: 'and', filters: mapAt(filter.value.filters, `${path}.and_filter.filters`, readLogFilter) };
    case 'orFilter':
      return { kind: 'or', filters: mapAt(filter.value.filters, `${path}.or_filter.filters`, readLogFilter) };
    case 'headerFilter': {
      const at = `${path}.header_filter.header`;
      if (filter.value.header === undefined) throw new FieldError(at, undefined, 'is required');
      return { kind: 'header', header: readHeaderMatch(filter.value.header, at) };
    }
    case 'responseFlagFilter': {
      const flags = mapAt(filter.value.flags, `${path}.response_flag_filter.flags`, (code, at) => {
        const flag = responseFlagOf(code);
        if (flag === undefined) throw new FieldError(at, code, 'is not a response flag of this proxy');
        return flag;
      });
      return { kind: 'flags', flags: flags.reduce((all, flag) => all | flag, 0) };
    }
    case 'grpcStatusFilter':
      return { kind: 'grpc-status', statuses: filter.value.statuses.map(Number), exclude: filter.value.exclude };
    case undefined:
      throw new FieldError(path, undefined, 'must have a filter');
    default:
      throw new FieldError(`${path}.${snake(filter.case)}`, present, 'is not supported');
  }
}

const operators: Readonly<Record<number, 'eq' | 'ge' | 'le'>> = {
  [Operator.EQ]: 'eq',
  [Operator.GE]: 'ge',
  [Operator.LE]: 'le',
};

function readComparison(comparison: ComparisonFilter | undefined, path: string) {
  if (comparison?.value === undefined) throw new FieldError(`${path}.value`, undefined, 'is required');
  const operator = operators[comparison.op];
  if (operator === undefined) throw new FieldError(`${path}.op`, comparison.op, 'is not known');
  return { operator, value: comparison.value.defaultValue };
}
