import type { CallRule, HttpRule } from './mapping.ts';

/** The same for two rules that mean the same requests. */
export function requestKey({ method, segments }: HttpRule): string {
  return `${method} /${segments.map((segment) => ('literal' in segment ? encodeURIComponent(segment.literal) : '{}')).join('/')}`;
}

/** The same for two rules that mean the same calls. */
export function callKey({ interface: name, version, group, method, parameters }: CallRule): string {
  return `${name}:${version}:${group}.${method}/${parameters.length}`;
}
