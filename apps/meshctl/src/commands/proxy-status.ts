import { fetchSyncStatus, type SyncStatus } from '../meshd-client.ts';
import { type Column, type Output, type OutputFormat, paint, print, renderTable } from '../output.ts';

const kinds = ['cluster', 'listener', 'endpoint', 'route'] as const;

const columns: readonly Column<SyncStatus>[] = [
  { title: 'NAME', value: ({ proxy }) => proxy },
  { title: 'ADDRESS', value: ({ address }) => address },
  { title: 'CDS', value: (status) => stateOf(status, 'cluster') },
  { title: 'LDS', value: (status) => stateOf(status, 'listener') },
  { title: 'EDS', value: (status) => stateOf(status, 'endpoint') },
  { title: 'RDS', value: (status) => stateOf(status, 'route') },
  { title: 'PROXY', value: ({ proxy_version }) => proxy_version },
];

/** Which proxies are connected to meshd, and whether they have what they should have. 1 when one has refused something. */
export async function proxyStatus(meshd: string, format: OutputFormat, output: Output): Promise<number> {
  const proxies = await fetchSyncStatus(meshd);
  const refusals = proxies.flatMap((status) =>
    kinds
      .filter((kind) => status[`${kind}_error`] !== '')
      .map((kind) => `${status.proxy}: ${kind}: ${status[`${kind}_error`]}`),
  );
  print(output, format, proxies, () => [
    ...(proxies.length === 0 ? ['no proxy is connected'] : renderTable(columns, proxies)),
    ...refusals.map((refusal) => paint('red', refusal)),
  ]);
  return refusals.length === 0 ? 0 : 1;
}

function stateOf(status: SyncStatus, kind: (typeof kinds)[number]): string {
  if (status[`${kind}_error`] !== '') return paint('red', 'REFUSED');
  const [sent, acked] = [status[`${kind}_sent`], status[`${kind}_acked`]];
  if (sent === '') return 'NOT SENT';
  return sent === acked ? paint('green', 'SYNCED') : paint('yellow', 'STALE');
}
