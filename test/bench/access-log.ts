import { createReadStream, existsSync, statSync, truncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Fields of each line, in this order; every proxy writes its own counterpart of each. Blanks stand between fields only. */
export const logFields = [
  'START_TIME',
  'REQ(:METHOD)',
  'REQ(:PATH)',
  'PROTOCOL',
  'RESPONSE_CODE',
  'RESPONSE_FLAGS',
  'BYTES_RECEIVED',
  'BYTES_SENT',
  'DURATION',
  'RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)',
  'REQ(X-FORWARDED-FOR)',
  'REQ(USER-AGENT)',
  'REQ(X-REQUEST-ID)',
  'REQ(:AUTHORITY)',
  'UPSTREAM_HOST',
] as const;

/** All proxies write what they hold back within a second. */
const settleMs = 1_500;
const tailBytes = 4_096;

/** Empties a log between runs: memory would fill. */
export function emptyLog(file: string): void {
  if (existsSync(file)) truncateSync(file);
}

/** Compares a log with what the load saw and returns what is wrong with it, or undefined. `words` is how many a line has. */
export async function logFault(
  file: string,
  requests: number,
  words: number = logFields.length,
): Promise<string | undefined> {
  await sleep(settleMs);
  if (!existsSync(file)) return 'no access log';
  let lines = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>)
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  if (lines < requests * 0.98) return `${lines} log lines for ${requests} requests`;
  const start = Math.max(0, statSync(file).size - tailBytes);
  const tail = Buffer.concat(await createReadStream(file, { start }).toArray()).toString('latin1');
  const latest = tail.trimEnd().split('\n').at(-1) ?? '';
  const fields = latest.split(' ').length;
  return fields === words ? undefined : `${fields} fields instead of ${words} in: ${latest}`;
}
