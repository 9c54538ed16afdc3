import type { Kind } from '../../kind.ts';
import { applyDefaults } from './defaults.ts';
import { inert, schema } from './schema.ts';
import type { VirtualServiceSpec } from './types.ts';
import { validate } from './validate.ts';

export const virtualService: Kind<VirtualServiceSpec> = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  kind: 'VirtualService',
  plural: 'virtualservices',
  shortNames: ['vs'],
  schema,
  inert,
  validate,
  applyDefaults,
};
