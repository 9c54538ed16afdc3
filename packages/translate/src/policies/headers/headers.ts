import { create } from '@bufbuild/protobuf';
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type { HeaderOperations, Headers } from '@sofamesh/model/kinds/virtual-service/types';

/** The fields that a route and an entry of a weighted cluster have in common. */
export interface HeaderFields {
  readonly requestHeadersToAdd: HeaderValueOption[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: HeaderValueOption[];
  readonly responseHeadersToRemove: string[];
}

/** `headers` of a route, of a destination, or of several: in the order in which they take effect. */
export function headerFieldsOf(...headers: readonly Headers[]): HeaderFields {
  return {
    requestHeadersToAdd: headers.flatMap(({ request }) => additions(request)),
    requestHeadersToRemove: headers.flatMap(({ request }) => removals(request)),
    responseHeadersToAdd: headers.flatMap(({ response }) => additions(response)),
    responseHeadersToRemove: headers.flatMap(({ response }) => removals(response)),
  };
}

/** The authority that operations on `host` ask for: no header to Envoy, but a rewrite of the host. */
export function authorityOf({ request }: Headers): string | undefined {
  for (const [name, value] of [...Object.entries(request.set), ...Object.entries(request.add)]) {
    if (isAuthority(name)) return value;
  }
  return undefined;
}

function additions({ set, add }: HeaderOperations): HeaderValueOption[] {
  return [
    ...options(set, AppendAction.OVERWRITE_IF_EXISTS_OR_ADD),
    ...options(add, AppendAction.APPEND_IF_EXISTS_OR_ADD),
  ];
}

function options(values: Readonly<Record<string, string>>, appendAction: AppendAction): HeaderValueOption[] {
  return Object.entries(values)
    .filter(([name]) => isPlain(name))
    .map(([key, value]) => create(HeaderValueOptionSchema, { header: { key, value }, appendAction }));
}

function removals({ remove }: HeaderOperations): string[] {
  return remove.filter(isPlain);
}

function isAuthority(name: string): boolean {
  return /^(?::authority|host)$/i.test(name);
}

/** Envoy refuses a whole configuration that would add or remove anything else. */
function isPlain(name: string): boolean {
  return name !== '' && !name.startsWith(':') && !isAuthority(name);
}
