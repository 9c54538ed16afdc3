import type { JsonObject } from '@bufbuild/protobuf';
import { message, optional } from './envoy-json.ts';
import { faultType, readFault } from './fault.ts';
import { JsonFields } from './json-fields.ts';
import { absenceOf } from './stream-filters.ts';

/** `per_filter_config` of a router or virtual host. */
export function readFilterOverrides(fields: JsonFields): JsonObject {
  const overrides: JsonObject = {};
  const configs = fields.object('per_filter_config');
  for (const [name, value] of configs?.entries() ?? []) {
    const path = `${fields.at('per_filter_config')}.${name}`;
    const absence = absenceOf(name);
    if (name === 'fault') {
      const config = JsonFields.of(value, path, fields.report);
      if (config !== undefined) overrides['envoy.filters.http.fault'] = message(faultType, readFault(config));
    } else if (absence !== undefined && 'ignored' in absence) {
      fields.report.warn(path, value, `has no effect: ${absence.ignored}`);
    } else fields.report.refuse(path, value, absence?.refused ?? 'no filter of this proxy reads this');
  }
  return Object.keys(overrides).length === 0 ? {} : optional('typed_per_filter_config', overrides);
}
