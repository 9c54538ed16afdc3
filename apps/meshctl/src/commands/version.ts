import { messageOf } from '@sofamesh/base/errors';
import { fetchPage, fetchSyncStatus } from '../meshd-client.ts';
import { type Output, type OutputFormat, print } from '../output.ts';
import { version } from '../version.ts';

/** The versions of meshctl and, as far as it can be reached, of meshd and the proxies that are connected to it. */
export async function showVersions(
  meshd: string,
  remote: boolean,
  format: OutputFormat,
  output: Output,
): Promise<number> {
  const client = `${version} (node ${process.version})`;
  if (!remote) {
    print(output, format, { client }, () => [`client version: ${client}`]);
    return 0;
  }
  let control: string;
  let proxies: Record<string, number> = {};
  try {
    control = (await fetchPage(meshd, '/version', 'meshd')).trim();
    proxies = count((await fetchSyncStatus(meshd)).map(({ proxy_version }) => proxy_version));
  } catch (thrown) {
    control = `unknown (${messageOf(thrown)})`;
  }
  print(output, format, { client, meshd: control, proxies }, () => [
    `client version: ${client}`,
    `meshd version:  ${control}`,
    ...Object.entries(proxies).map(([name, number]) => `proxy version:  ${name} (${number})`),
  ]);
  return 0;
}

function count(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
