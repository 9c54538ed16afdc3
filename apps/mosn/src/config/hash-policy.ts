import type { RouteAction_HashPolicy } from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RegexMatchAndSubstitute } from '@sofamesh/api/gen/envoy/type/matcher/v3/regex_pb';
import type { HashPolicyConfig, RegexRewriteConfig } from '@sofamesh/proxy/config/route';
import { durationMs, FieldError, present } from './fields.ts';
import { readRegex } from './regex.ts';

/** Reads `envoy.config.route.v3.RouteAction.HashPolicy`. */
export function readHashPolicy(
  { policySpecifier: policy, terminal }: RouteAction_HashPolicy,
  path: string,
): HashPolicyConfig {
  switch (policy.case) {
    case 'header': {
      const { headerName, regexRewrite } = policy.value;
      const name = named(headerName, `${path}.header.header_name`).toLowerCase();
      const rewrite = regexRewrite && readRegexRewrite(regexRewrite, `${path}.header.regex_rewrite`);
      return { kind: 'header', name, rewrite, terminal };
    }
    case 'cookie': {
      const { name, ttl, path: ofCookie, attributes } = policy.value;
      return {
        kind: 'cookie',
        name: cookieText(named(name, `${path}.cookie.name`), `${path}.cookie.name`),
        ttlS: ttl && Math.floor(durationMs(ttl, 0, `${path}.cookie.ttl`) / 1000),
        path: cookieText(ofCookie, `${path}.cookie.path`),
        attributes: attributes.map((each, at) => ({
          name: cookieText(each.name, `${path}.cookie.attributes[${at}].name`),
          value: cookieText(each.value, `${path}.cookie.attributes[${at}].value`),
        })),
        terminal,
      };
    }
    case 'queryParameter':
      return { kind: 'query', name: named(policy.value.name, `${path}.query_parameter.name`), terminal };
    case 'connectionProperties':
      if (!policy.value.sourceIp) {
        throw new FieldError(`${path}.connection_properties.source_ip`, 'false', 'must be true');
      }
      return { kind: 'source-ip', terminal };
    case 'filterState':
      throw new FieldError(`${path}.filter_state`, present, 'is not supported');
    case undefined:
      throw new FieldError(path, undefined, 'must have one of header, cookie, connection_properties, query_parameter');
  }
}

export function readRegexRewrite({ pattern, substitution }: RegexMatchAndSubstitute, path: string): RegexRewriteConfig {
  if (pattern === undefined) throw new FieldError(`${path}.pattern`, undefined, 'is required');
  return { pattern: readRegex(pattern, `${path}.pattern`), substitution };
}

function named(name: string, path: string): string {
  if (name === '') throw new FieldError(path, '', 'must not be empty');
  return name;
}

/** It becomes part of a header for clients. */
function cookieText(text: string, path: string): string {
  if (!/^[\x20-\x3a\x3c-\x7e]*$/.test(text))
    throw new FieldError(path, text, 'has a character that a cookie cannot have');
  return text;
}
