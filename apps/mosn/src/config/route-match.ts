import type {
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { StringMatcher } from '@sofamesh/api/gen/envoy/type/matcher/v3/string_pb';
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
} from '@sofamesh/api/gen/envoy/type/v3/percent_pb';
import type {
  HeaderMatchConfig,
  PathMatchConfig,
  QueryMatchConfig,
  RouteMatchConfig,
  StringMatchConfig,
} from '@sofamesh/proxy/config/route';
import { FieldError, mapAt, present } from './fields.ts';
import { readRegex } from './regex.ts';

/** Reads `envoy.config.route.v3.RouteMatch`. A condition that cannot be checked would let others in: it is refused. */
export function readMatch(match: RouteMatch, path: string): RouteMatchConfig {
  const { runtimeFraction } = match;
  if (match.tlsContext !== undefined) throw new FieldError(`${path}.tls_context`, present, 'is not supported');
  if (match.dynamicMetadata.length > 0) throw new FieldError(`${path}.dynamic_metadata`, present, 'is not supported');
  return {
    path: readPath(match, path),
    headers: mapAt(match.headers, `${path}.headers`, readHeaderMatch),
    queryParameters: mapAt(match.queryParameters, `${path}.query_parameters`, readQueryMatch),
    fractionPpm: runtimeFraction?.defaultValue && partsPerMillion(runtimeFraction.defaultValue),
    ...(match.grpc !== undefined && { grpc: true }),
  };
}

function readPath({ pathSpecifier, caseSensitive }: RouteMatch, path: string): PathMatchConfig {
  const ignoreCase = caseSensitive === false;
  switch (pathSpecifier.case) {
    case 'prefix':
      return { kind: 'prefix', value: pathSpecifier.value, ignoreCase };
    case 'path':
      return { kind: 'exact', value: pathSpecifier.value, ignoreCase };
    case 'pathSeparatedPrefix':
      return { kind: 'separated-prefix', value: pathSpecifier.value, ignoreCase };
    case 'safeRegex':
      return { kind: 'regex', value: readRegex(pathSpecifier.value, `${path}.safe_regex`), ignoreCase: false };
    case 'connectMatcher':
      return { kind: 'connect', value: '', ignoreCase: false };
    case 'pathMatchPolicy':
      throw new FieldError(`${path}.path_match_policy`, pathSpecifier.value.name, 'is not supported');
    case undefined:
      throw new FieldError(
        path,
        undefined,
        'must have one of prefix, path, safe_regex, path_separated_prefix, connect_matcher',
      );
  }
}

function readString({ matchPattern, ignoreCase }: StringMatcher, path: string): StringMatchConfig {
  switch (matchPattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { kind: matchPattern.case, value: matchPattern.value, ignoreCase };
    case 'safeRegex':
      return { kind: 'regex', value: readRegex(matchPattern.value, `${path}.safe_regex`) };
    default:
      throw new FieldError(path, matchPattern.case, 'must have one of exact, prefix, suffix, contains, safe_regex');
  }
}

/** Reads `envoy.config.route.v3.HeaderMatcher`. */
export function readHeaderMatch(matcher: HeaderMatcher, path: string): HeaderMatchConfig {
  if (matcher.name === '') throw new FieldError(`${path}.name`, '', 'must not be empty');
  return {
    name: matcher.name.toLowerCase(),
    match: readHeaderCondition(matcher, path),
    invert: matcher.invertMatch,
    treatMissingAsEmpty: matcher.treatMissingHeaderAsEmpty,
  };
}

function readHeaderCondition(
  { headerMatchSpecifier: condition }: HeaderMatcher,
  path: string,
): HeaderMatchConfig['match'] {
  const text = (kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string) => ({
    kind,
    value,
    ignoreCase: false,
  });
  switch (condition.case) {
    case 'exactMatch':
      return text('exact', condition.value);
    case 'prefixMatch':
      return text('prefix', condition.value);
    case 'suffixMatch':
      return text('suffix', condition.value);
    case 'containsMatch':
      return text('contains', condition.value);
    case 'safeRegexMatch':
      return { kind: 'regex', value: readRegex(condition.value, `${path}.safe_regex_match`) };
    case 'stringMatch':
      return readString(condition.value, `${path}.string_match`);
    case 'rangeMatch':
      return { kind: 'range', start: Number(condition.value.start), end: Number(condition.value.end) };
    case 'presentMatch':
      return { kind: 'present', present: condition.value };
    case undefined:
      return { kind: 'present', present: true };
  }
}

function readQueryMatch(
  { name, queryParameterMatchSpecifier: condition }: QueryParameterMatcher,
  path: string,
): QueryMatchConfig {
  if (condition.case === 'presentMatch' && !condition.value) {
    throw new FieldError(`${path}.present_match`, 'false', 'is not supported');
  }
  return {
    name,
    match: condition.case === 'stringMatch' ? readString(condition.value, `${path}.string_match`) : undefined,
  };
}

const millionths: Readonly<Record<number, number>> = {
  [Denominator.HUNDRED]: 10_000,
  [Denominator.TEN_THOUSAND]: 100,
  [Denominator.MILLION]: 1,
};

export function partsPerMillion({ numerator, denominator }: FractionalPercent): number {
  return numerator * (millionths[denominator] ?? 0);
}
