import { object } from '../../schema/build.ts';
import { endpointFields } from '../parts/endpoint.ts';

/** Source of the field list: istio/api networking/v1 WorkloadEntry. */
export const schema = object(endpointFields);

/** What translation does not act on yet. */
export const inert: readonly string[] = ['network'];
