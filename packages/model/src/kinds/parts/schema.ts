import { boolean, integer, list, map, number, object, portNumber, string, text } from '../../schema/build.ts';

/** Fields that several kinds share. Sources: istio/api networking/v1. */

export const destination = object(
  { host: text('destinationHost'), subset: text('dnsLabel'), port: object({ number: portNumber }) },
  { required: ['host'] },
);

export const labels = map(text('labelValue'), 'labelKey');

export const workloadSelector = object({ labels });

export const exportTo = list(text('exportToEntry'));

export const percentage = object({ value: number });

const oneMatch = [['exact', 'prefix', 'regex']];

/** Empty prefixes match everything, which Envoy allows for paths only. */
export const stringMatch = object(
  { exact: string, prefix: { type: 'string', minLength: 1 }, regex: text('regex') },
  { atMostOne: oneMatch },
);

export const pathMatch = object({ exact: string, prefix: string, regex: text('regex') }, { atMostOne: oneMatch });

export const httpRetry = object({
  attempts: { ...integer, minimum: 0 },
  perTryTimeout: text('duration'),
  retryOn: text('retryOn'),
  retryRemoteLocalities: boolean,
  retryIgnorePreviousHosts: boolean,
  backoff: text('duration'),
});
