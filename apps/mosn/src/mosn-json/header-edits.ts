import type { JsonObject } from '@bufbuild/protobuf';
import { optional } from './envoy-json.ts';
import type { JsonFields } from './json-fields.ts';
import { operatorOf } from './variables.ts';

/** Headers to add and remove, of a route, a virtual host or a router configuration; Envoy's fields have the same names. */
export function readHeaderEdits(fields: JsonFields): JsonObject {
  return {
    ...optional('request_headers_to_add', additions(fields, 'request_headers_to_add')),
    ...optional('request_headers_to_remove', fields.texts('request_headers_to_remove')),
    ...optional('response_headers_to_add', additions(fields, 'response_headers_to_add')),
    ...optional('response_headers_to_remove', fields.texts('response_headers_to_remove')),
  };
}

function additions(fields: JsonFields, name: string): JsonObject[] {
  return fields.objects(name).flatMap((option) => {
    const header = option.object('header');
    const append = option.value('append') === undefined || option.flag('append');
    option.end('a header to add');
    const key = header?.text('key');
    const value = header?.text('value') ?? '';
    header?.end('a header');
    if (key === undefined) {
      option.refuse('header', 'must have a key');
      return [];
    }
    return [
      {
        header: { key, value: headerValue(value) },
        append_action: append ? 'APPEND_IF_EXISTS_OR_ADD' : 'OVERWRITE_IF_EXISTS_OR_ADD',
      },
    ];
  });
}

/** A value that is a variable as a whole is replaced; everything else, percent signs included, is text. */
function headerValue(value: string): string {
  const operator = /^%[^%]+%$/.test(value) ? operatorOf(value.slice(1, -1)) : undefined;
  return operator === undefined || operator === 'absent' ? value.replaceAll('%', '%%') : `%${operator}%`;
}
