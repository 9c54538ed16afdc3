import type { Kind } from '../../kind.ts';
import { applyDefaults } from './defaults.ts';
import { inert, schema } from './schema.ts';
import type { WorkloadEntrySpec } from './types.ts';
import { validate } from './validate.ts';

export const workloadEntry: Kind<WorkloadEntrySpec> = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  kind: 'WorkloadEntry',
  plural: 'workloadentries',
  shortNames: ['we'],
  schema,
  inert,
  validate,
  applyDefaults,
};
