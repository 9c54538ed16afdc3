import type { InternalRedirectPolicy } from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { InternalRedirectConfig } from '@sofamesh/proxy/config/route';
import { FieldError, present } from './fields.ts';

/** Others are never followed, whatever the policy lists. */
const statusesOfRedirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Reads `envoy.config.route.v3.InternalRedirectPolicy`. Predicates would forbid redirects: a policy needs those it has. */
export function readInternalRedirect(policy: InternalRedirectPolicy, path: string): InternalRedirectConfig {
  if (policy.predicates.length > 0) throw new FieldError(`${path}.predicates`, present, 'is not supported');
  const {
    maxInternalRedirects,
    redirectResponseCodes: codes,
    allowCrossSchemeRedirect,
    responseHeadersToCopy,
  } = policy;
  return {
    redirectsMax: maxInternalRedirects ?? 1,
    statuses: codes.length === 0 ? [302] : codes.filter((code) => statusesOfRedirects.has(code)),
    crossScheme: allowCrossSchemeRedirect,
    copiedHeaders: responseHeadersToCopy.map((name) => name.toLowerCase()),
  };
}
