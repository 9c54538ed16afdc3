/** What a variable of MOSN is among a request's parts; `undefined`: nothing that this proxy has. */
export type RequestPart =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'path' }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'service' }
  | { readonly kind: 'method' };

const headerName = /^[A-Za-z0-9!#$&'*+.^_`|~-]+$/;
/** `request_header_x-tenant`, or with the protocol's name before it: `Http1_request_header_x-tenant`. */
const requestHeader = /^(?:[A-Za-z0-9-]+_)?request_header_(.+)$/;
const requestArgument = /^(?:[A-Za-z0-9-]+_)?request_arg_(.+)$/;
const responseHeader = /^response_header_(.+)$/;

const parts: Readonly<Record<string, RequestPart>> = {
  'x-mosn-method': { kind: 'header', name: ':method' },
  'x-mosn-host': { kind: 'header', name: ':authority' },
  authority: { kind: 'header', name: ':authority' },
  'x-mosn-scheme': { kind: 'header', name: ':scheme' },
  'x-mosn-path': { kind: 'path' },
  'x-mosn-rpc-service': { kind: 'service' },
  'x-mosn-rpc-method': { kind: 'method' },
  Dubbo_service: { kind: 'service' },
  Dubbo_method: { kind: 'method' },
  Http1_request_method: { kind: 'header', name: ':method' },
  Http2_request_method: { kind: 'header', name: ':method' },
  Http1_request_scheme: { kind: 'header', name: ':scheme' },
  Http2_request_scheme: { kind: 'header', name: ':scheme' },
  Http1_request_path: { kind: 'path' },
  Http2_request_path: { kind: 'path' },
};

export function requestPartOf(variable: string): RequestPart | undefined {
  if (Object.hasOwn(parts, variable)) return parts[variable];
  const header = requestHeader.exec(variable)?.[1];
  if (header !== undefined) return headerName.test(header) ? { kind: 'header', name: header.toLowerCase() } : undefined;
  const argument = requestArgument.exec(variable)?.[1];
  return argument === undefined ? undefined : { kind: 'query', name: argument };
}

const operators: Readonly<Record<string, string>> = {
  start_time: 'START_TIME(%Y/%m/%d %H:%M:%S.%3f)',
  response_received_duration: 'RESPONSE_DURATION',
  bytes_sent: 'BYTES_SENT',
  bytes_received: 'BYTES_RECEIVED',
  protocol: 'PROTOCOL',
  downstream_protocol: 'PROTOCOL',
  response_code: 'RESPONSE_CODE',
  'x-mosn-status': 'RESPONSE_CODE',
  duration: 'DURATION',
  response_flag: 'RESPONSE_FLAGS',
  response_flags: 'RESPONSE_FLAGS',
  upstream_local_address: 'UPSTREAM_LOCAL_ADDRESS',
  downstream_local_address: 'DOWNSTREAM_LOCAL_ADDRESS',
  downstream_remote_address: 'DOWNSTREAM_REMOTE_ADDRESS',
  ori_remote_addr: 'DOWNSTREAM_REMOTE_ADDRESS',
  upstream_host: 'UPSTREAM_HOST',
  upstream_transport_failure_reason: 'UPSTREAM_TRANSPORT_FAILURE_REASON',
  upstream_cluster: 'UPSTREAM_CLUSTER',
  requested_server_name: 'REQUESTED_SERVER_NAME',
  route_name: 'ROUTE_NAME',
  connection_id: 'CONNECTION_ID',
  'x-mosn-path-original': 'REQ(X-ENVOY-ORIGINAL-PATH?:PATH)',
  Http1_request_uri: 'REQ(:PATH)',
  Http2_request_uri: 'REQ(:PATH)',
};

/** Known to MOSN, and nothing here: always absent. */
const absent: ReadonlySet<string> = new Set([
  'trace_id',
  'stream_id',
  'upstream_connection_id',
  'upstream_index',
  'request_received_duration',
  'request_finished_duration',
  'process_time_duration',
  'x-mosn-querystring',
  'x-mosn-router-meta',
  'x-mosn-req-raw-data',
  'x-mosn-resp-raw-data',
]);

/** What Envoy writes between two percent signs for a variable of MOSN; `absent`: a value that is never there. */
export function operatorOf(variable: string): string | 'absent' | undefined {
  if (Object.hasOwn(operators, variable)) return operators[variable];
  if (absent.has(variable)) return 'absent';
  const response = responseHeader.exec(variable)?.[1];
  if (response !== undefined) return headerName.test(response) ? `RESP(${response.toUpperCase()})` : undefined;
  const part = requestPartOf(variable);
  switch (part?.kind) {
    case 'header':
      return `REQ(${part.name.toUpperCase()})`;
    case 'path':
    case 'method':
      return 'REQ(:PATH)';
    case 'service':
      return 'REQ(:AUTHORITY)';
    case 'query':
      return 'absent';
    case undefined:
      return undefined;
  }
}
