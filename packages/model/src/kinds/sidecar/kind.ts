import type { Kind } from '../../kind.ts';
import { applyDefaults } from './defaults.ts';
import { inert, schema } from './schema.ts';
import type { SidecarSpec } from './types.ts';
import { validate } from './validate.ts';

export const sidecar: Kind<SidecarSpec> = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  kind: 'Sidecar',
  plural: 'sidecars',
  shortNames: [],
  schema,
  inert,
  validate,
  applyDefaults,
};
