import { serviceAnnotations } from '../../annotations/service.ts';
import type { Kind } from '../../kind.ts';
import { applyDefaults } from './defaults.ts';
import { inert, schema } from './schema.ts';
import type { ServiceSpec } from './types.ts';
import { validate, validateAnnotations } from './validate.ts';

export const service: Kind<ServiceSpec> = {
  group: '',
  versions: ['v1'],
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  schema,
  inert,
  validate,
  applyDefaults,
  annotations: serviceAnnotations,
  validateAnnotations,
};
