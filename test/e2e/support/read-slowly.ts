import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const restEveryBytes = 1024 * 1024;

/** Reads to the end, with a rest after every MiB, and says how many octets there were. */
export async function readSlowly(stream: Readable): Promise<number> {
  let bytes = 0;
  let restAt = restEveryBytes;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes < restAt) continue;
    restAt += restEveryBytes;
    await sleep(1);
  }
  return bytes;
}
