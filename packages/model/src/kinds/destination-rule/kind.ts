import { checkDestinationAnnotations, destinationAnnotations } from '../../annotations/destination.ts';
import type { Kind } from '../../kind.ts';
import { applyDefaults } from './defaults.ts';
import { inert, schema } from './schema.ts';
import type { DestinationRuleSpec } from './types.ts';
import { validate } from './validate.ts';

export const destinationRule: Kind<DestinationRuleSpec> = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  kind: 'DestinationRule',
  plural: 'destinationrules',
  shortNames: ['dr'],
  schema,
  inert,
  validate,
  applyDefaults,
  annotations: destinationAnnotations,
  validateAnnotations: checkDestinationAnnotations,
};
