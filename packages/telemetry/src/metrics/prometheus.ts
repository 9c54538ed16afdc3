import type { StatsAggregate } from './aggregate.ts';
import type { StatsQuery } from './text.ts';

/** Upper bounds of Envoy's default Prometheus buckets, in milliseconds. */
const bounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
];

/**
 * Envoy's default tags, and interface and method of RPC calls: the parts of a name that vary are taken out of it and become
 * labels. Each rule's first group is removed from the name, its second is the value.
 */
const tagRules: readonly (readonly [label: string, pattern: RegExp])[] = [
  [
    'envoy_grpc_bridge_method',
    /(([^.]+)\.)(?=(?:success|failure|total|\d{1,2}|re(?:quest|sponse)_message_count|upstream_rq_time)$)(?<=^cluster\..+\.grpc(?:-web)?\..+\.[^.]+\.)/,
  ],
  [
    'envoy_grpc_bridge_service',
    /(?<=^cluster\..+\.grpc(?:-web)?\.)((.+)\.)(?=(?:success|failure|total|\d{1,2}|re(?:quest|sponse)_message_count|upstream_rq_time)$)/,
  ],
  ['mosn_rpc_method', /(([^.]+)\.)(?=(?:total|failure|exception|one_way|time)$)(?<=^http\..+\.rpc\..+\.[^.]+\.)/],
  ['mosn_rpc_service', /(?<=^http\..+\.rpc\.)((.+)\.)(?=(?:total|failure|exception|one_way|time)$)/],
  ['envoy_response_code', /_rq(_(\d{3}))$/],
  ['envoy_response_code_class', /_rq(_(\dxx))$/],
  [
    'envoy_cluster_name',
    /^cluster\.((.*?)\.)(?=(?:upstream_|membership_|lb_|circuit_breakers\.|update_|internal\.|external\.|outlier_detection\.|assignment_|ssl\.|retry_|original_dst|max_host_weight|version|bind_errors|warming_state|init_fetch_timeout|http1\.|http2\.|external|default\.|grpc\.|grpc-web\.)[^.]*)/,
  ],
  [
    'envoy_http_conn_manager_prefix',
    /^http\.((.*?)\.)(?=(?:downstream_|rq_|no_|rs_|tracing\.|fault\.|rpc\.|user_agent\.|passthrough))/,
  ],
  ['envoy_tcp_prefix', /^tcp\.((.*?)\.)(?=[^.]+$)/],
  ['envoy_listener_address', /^listener\.(((?:\[[^\]]*\]|[^.]+|\d+\.\d+\.\d+\.\d+)_\d+|[^.]+)\.)/],
  ['envoy_virtual_host', /^vhost\.((.*?)\.)(?=(?:vcluster|route)\.)/],
  ['envoy_route', /\.route\.((.*?)\.)/],
];

interface Sample {
  readonly labels: string;
  readonly text: string;
}

/** The body of `/stats/prometheus` (text format 0.0.4). */
export function renderPrometheus(stats: StatsAggregate, { filter, usedOnly }: StatsQuery = {}): string {
  const families = new Map<string, { readonly type: string; readonly samples: Sample[] }>();
  const add = (family: string, type: string, sample: Sample) => {
    const known = families.get(family);
    if (known === undefined) families.set(family, { type, samples: [sample] });
    else known.samples.push(sample);
  };
  for (const { name, kind, value } of stats.scalars(filter)) {
    if (usedOnly && value === 0) continue;
    const { family, labels } = tagged(name);
    add(family, kind, { labels, text: `${family}{${labels}} ${value}\n` });
  }
  for (const { name, total } of stats.histograms(filter)) {
    if (total.total === 0) continue;
    const { family, labels } = tagged(name);
    const lead = labels === '' ? '' : `${labels},`;
    let text = '';
    for (const bound of bounds) text += `${family}_bucket{${lead}le="${bound}"} ${total.countUpTo(bound)}\n`;
    text += `${family}_bucket{${lead}le="+Inf"} ${total.total}\n`;
    text += `${family}_sum{${labels}} ${total.sum}\n${family}_count{${labels}} ${total.total}\n`;
    add(family, 'histogram', { labels, text });
  }
  let page = '';
  for (const [family, { type, samples }] of families) {
    page += `# TYPE ${family} ${type}\n${samples.map(({ text }) => text).join('')}\n`;
  }
  return page;
}

/** Family name and labels of a metric: `cluster.a.upstream_rq_200` is `envoy_cluster_upstream_rq` of cluster a, code 200. */
export function tagged(name: string): { readonly family: string; readonly labels: string } {
  let rest = name;
  const labels: string[] = [];
  for (const [label, pattern] of tagRules) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    const [whole, cut, value] = match as unknown as [string, string, string];
    const at = match.index + whole.indexOf(cut);
    rest = rest.slice(0, at) + rest.slice(at + cut.length);
    labels.push(`${label}="${label === 'envoy_response_code_class' ? value[0] : escapeLabel(value)}"`);
    if (label === 'envoy_response_code_class') rest = rest.replace(/_rq$/, '_rq_xx');
  }
  return { family: `envoy_${rest.replace(/[^a-zA-Z0-9_]/g, '_')}`, labels: labels.join(',') };
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
