import {
  anyValue,
  boolean,
  integer,
  list,
  natural,
  number,
  object,
  oneOf,
  percent,
  portNumber,
  type Schema,
  string,
  strings,
  text,
} from '../../schema/build.ts';
import { exportTo, labels, workloadSelector } from '../parts/schema.ts';

/** Source of the field list: istio/api networking/v1 DestinationRule. */

const limit: Schema = { ...integer, minimum: 0 };
const nonEmpty: Schema = { type: 'string', minLength: 1 };

const consistentHash = object(
  {
    httpHeaderName: nonEmpty,
    httpCookie: object({ name: nonEmpty, path: string, ttl: text('durationOrZero'), attributes: anyValue }),
    useSourceIp: boolean,
    httpQueryParameterName: nonEmpty,
    ringHash: object({ minimumRingSize: natural }),
    maglev: object({ tableSize: natural }),
    minimumRingSize: natural,
  },
  {
    atMostOne: [
      ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
      ['ringHash', 'maglev'],
    ],
  },
);

const localityLbSetting = object(
  {
    distribute: list(object({ from: string, to: { type: 'object', additionalProperties: natural } })),
    failover: list(object({ from: string, to: string })),
    failoverPriority: strings,
    enabled: boolean,
  },
  { atMostOne: [['distribute', 'failover']] },
);

const loadBalancer = object(
  {
    simple: oneOf('UNSPECIFIED', 'LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM', 'PASSTHROUGH', 'LEAST_CONN'),
    consistentHash,
    localityLbSetting,
    zoneAwareLbSetting: anyValue,
    backendUtilization: anyValue,
    warmupDurationSecs: text('duration'),
    warmup: object({ duration: text('duration'), minimumPercent: number, aggression: number }),
  },
  { atMostOne: [['simple', 'consistentHash']] },
);

const connectionPool = object({
  tcp: object({
    maxConnections: limit,
    connectTimeout: text('duration'),
    tcpKeepalive: object({ probes: natural, time: text('duration'), interval: text('duration') }),
    maxConnectionDuration: text('duration'),
    idleTimeout: text('durationOrZero'),
  }),
  http: object({
    http1MaxPendingRequests: limit,
    http2MaxRequests: limit,
    maxRequestsPerConnection: limit,
    maxRetries: limit,
    idleTimeout: text('durationOrZero'),
    h2UpgradePolicy: oneOf('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: boolean,
    maxConcurrentStreams: limit,
    http2KeepAlive: object({ interval: text('duration'), timeout: text('duration') }),
  }),
});

const outlierDetection = object({
  consecutiveErrors: limit,
  splitExternalLocalOriginErrors: boolean,
  consecutiveLocalOriginFailures: natural,
  consecutiveGatewayErrors: natural,
  consecutive5xxErrors: natural,
  interval: text('duration'),
  baseEjectionTime: text('duration'),
  maxEjectionPercent: percent,
  minHealthPercent: percent,
  httpStatusCodes: anyValue,
});

const tls = object({
  mode: oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
  clientCertificate: string,
  privateKey: string,
  caCertificates: string,
  credentialName: string,
  subjectAltNames: strings,
  sni: string,
  insecureSkipVerify: boolean,
  caCrl: string,
});

const portPolicy = { loadBalancer, connectionPool, outlierDetection, tls };

const trafficPolicy = object({
  ...portPolicy,
  portLevelSettings: list(
    object({ port: object({ number: portNumber }, { required: ['number'] }), ...portPolicy }, { required: ['port'] }),
  ),
  tunnel: object({ protocol: string, targetHost: string, targetPort: portNumber }),
  proxyProtocol: object({ version: oneOf('V1', 'V2') }),
  retryBudget: object({ percent: number, minRetryConcurrency: natural }),
});

export const schema = object(
  {
    host: text('wildcardDomain'),
    trafficPolicy,
    subsets: list(object({ name: text('dnsLabel'), labels, trafficPolicy }, { required: ['name'] })),
    exportTo,
    workloadSelector,
  },
  { required: ['host'] },
);

const inertOnPorts = [
  'loadBalancer.consistentHash',
  'loadBalancer.localityLbSetting',
  'loadBalancer.zoneAwareLbSetting',
  'loadBalancer.backendUtilization',
  'loadBalancer.warmupDurationSecs',
  'loadBalancer.warmup',
  'connectionPool.http.http2KeepAlive',
  'outlierDetection',
  'tls.credentialName',
  'tls.caCrl',
];

const inertPolicy = [
  ...inertOnPorts,
  ...inertOnPorts.map((field) => `portLevelSettings[].${field}`),
  'tunnel',
  'proxyProtocol',
  'retryBudget',
];

/** What translation does not act on yet. */
export const inert: readonly string[] = ['trafficPolicy', 'subsets[].trafficPolicy'].flatMap((policy) =>
  inertPolicy.map((field) => `${policy}.${field}`),
);
