import type { JsonObject } from '@bufbuild/protobuf';
import { nearWord } from '../config/near-word.ts';
import { extension } from './envoy-json.ts';
import { faultType, readFault } from './fault.ts';
import type { JsonFields } from './json-fields.ts';

/** Copies of a request that the filter `mirror` may ask for. */
const mirrorCopiesMax = 100;

/** What happens to a filter that this proxy has no counterpart of. */
type Absence = { readonly ignored: string } | { readonly refused: string };

const protects = { refused: 'is not supported, and without it more would get through than this file allows' };
const changes = { refused: 'is not supported, and requests or answers would not be what this file says' };

/** Filters without a counterpart: what only tunes is left out, what decides is refused (docs/decisions/0013-refuse-or-ignore.md). */
const absent: Readonly<Record<string, Absence>> = {
  gzip: { ignored: 'answers are passed on as the hosts compress them' },
  fault_tolerance: { ignored: 'hosts are not ejected for what they answer' },
  header_to_metadata: { ignored: 'there are no subsets of hosts that metadata could choose' },
  dubbo_stream: { ignored: 'a call has its service as authority and is counted without it' },
  healthcheck: { ignored: 'MOSN does not have it any more' },
  mixer: { ignored: 'Istio has no Mixer any more' },
  'istio.stats': { ignored: 'these statistics are not made' },
  payload_limit: protects,
  ip_access: protects,
  jwt_authn: protects,
  rbac: protects,
  flowControlFilter: protects,
  auth: protects,
  dsl: changes,
  proxywasm: changes,
  seata: changes,
  plugin: changes,
};

const known = [...Object.keys(absent), 'fault', 'mirror', 'grpc_metric', 'transcoder'];

export interface StreamFilters {
  /** Envoy's, without the router at their end. */
  readonly forHttp: readonly JsonObject[];
  readonly forCalls: readonly JsonObject[];
  /** Of the filter `mirror`; 0 without it. */
  readonly mirrorCopies: number;
}

/** `stream_filters` of a listener. */
export function readStreamFilters(listener: JsonFields): StreamFilters {
  const forHttp: JsonObject[] = [];
  const forCalls: JsonObject[] = [];
  let mirrorCopies = 0;
  for (const filter of listener.objects('stream_filters')) {
    const type = filter.text('type');
    const config = filter.object('config');
    const plugin = filter.given('go_plugin_config') || type?.endsWith('so_plugin') === true;
    filter.end('a stream filter');
    if (plugin) filter.refuse('type', 'code compiled for Go cannot be loaded');
    else if (type === 'fault') {
      const fault = extension('envoy.filters.http.fault', faultType, config ? readFault(config) : {});
      forHttp.push(fault);
      forCalls.push(fault);
    } else if (type === 'mirror') mirrorCopies = config === undefined ? 1 : readMirror(config);
    else if (type === 'grpc_metric') forHttp.push(grpcStatistics);
    else if (type === 'transcoder') readTranscoder(filter, config);
    else reportAbsence(filter, type);
  }
  return { forHttp, forCalls, mirrorCopies };
}

/** Whether `per_filter_config` has a counterpart under this name, or what becomes of it. */
export function absenceOf(type: string): Absence | undefined {
  return Object.hasOwn(absent, type) ? absent[type] : undefined;
}

const grpcStatistics = extension(
  'envoy.filters.http.grpc_stats',
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  { stats_for_all_methods: true, enable_upstream_stats: true },
);

function reportAbsence(filter: JsonFields, type: string | undefined): void {
  if (type === undefined) {
    filter.refuse('type', 'is required');
    return;
  }
  const absence = absenceOf(type);
  const near = absence === undefined ? nearWord(type, known) : undefined;
  if (absence === undefined) {
    filter.refuse('type', near === undefined ? 'is no filter of this proxy' : `is no filter; did you mean ${near}?`);
  } else if ('ignored' in absence) filter.warn('type', `has no effect: ${absence.ignored}`);
  else filter.refuse('type', absence.refused);
}

function readMirror(config: JsonFields): number {
  const copies = config.count('amplification', mirrorCopiesMax) || 1;
  config.refuseGiven('broadcast', 'a request cannot be sent to all hosts of a cluster');
  config.end('the filter mirror');
  return copies;
}

/** Between the versions of HTTP nothing has to be asked for. */
const needless: ReadonlySet<string> = new Set(['httpTohttp2', 'http2Tohttp']);

function readTranscoder(filter: JsonFields, config: JsonFields | undefined): void {
  const type = config?.text('type');
  if (type === undefined || !needless.has(type) || config?.given('rules') === true) {
    filter.refuse('config', 'only httpTohttp2 and http2Tohttp are converted from this file (see docs/mosn-json.md)');
  }
}
