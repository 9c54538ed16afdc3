import { CodedError, messageOf } from '@sofamesh/base/errors';
import { httpRequest } from '@sofamesh/net/http-request';

export const defaultMeshd = 'http://127.0.0.1:15014';
const timeoutMs = 5_000;

/** One proxy in meshd's `/debug/syncz`. Versions are empty before the first; field names are Istio's. */
export interface SyncStatus {
  readonly proxy: string;
  readonly address: string;
  readonly proxy_type: string;
  readonly proxy_version: string;
  readonly connected_at: string;
  readonly cluster_sent: string;
  readonly cluster_acked: string;
  readonly cluster_error: string;
  readonly endpoint_sent: string;
  readonly endpoint_acked: string;
  readonly endpoint_error: string;
  readonly listener_sent: string;
  readonly listener_acked: string;
  readonly listener_error: string;
  readonly route_sent: string;
  readonly route_acked: string;
  readonly route_error: string;
}

/** The body of a page of a meshd or of a proxy's admin. Throws a CodedError that says who did not answer. */
export async function fetchPage(base: string, path: string, who: string): Promise<string> {
  let answer: Awaited<ReturnType<typeof httpRequest>>;
  try {
    answer = await httpRequest(new URL(path, base).href, { timeoutMs });
  } catch (thrown) {
    throw new CodedError('unreachable', `${who}: ${messageOf(thrown)}`);
  }
  if (answer.status !== 200) {
    throw new CodedError('bad_answer', `${who} at ${base}: ${path}: status ${answer.status}: ${answer.body.trim()}`);
  }
  return answer.body;
}

export async function fetchSyncStatus(meshd: string): Promise<SyncStatus[]> {
  return JSON.parse(await fetchPage(meshd, '/debug/syncz', 'meshd')) as SyncStatus[];
}
