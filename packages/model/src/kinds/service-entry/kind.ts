import { serviceAnnotations } from '../../annotations/service.ts';
import type { Kind } from '../../kind.ts';
import { applyDefaults } from './defaults.ts';
import { inert, schema } from './schema.ts';
import type { ServiceEntrySpec } from './types.ts';
import { validate, validateAnnotations } from './validate.ts';

export const serviceEntry: Kind<ServiceEntrySpec> = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  kind: 'ServiceEntry',
  plural: 'serviceentries',
  shortNames: ['se'],
  schema,
  inert,
  validate,
  applyDefaults,
  annotations: serviceAnnotations,
  validateAnnotations,
};
