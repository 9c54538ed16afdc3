import type { RequestHead } from '@sofamesh/contract/message';
import { headerOf } from './route-match.ts';

/** Hash of the headers that a route's hash policy names, combined; undefined when the request has none of them. */
export function hashRequest(policy: readonly { readonly header: string }[], head: RequestHead): number | undefined {
  let hash: number | undefined;
  for (const { header } of policy) {
    const value = headerOf(head, header);
    if (value === undefined) continue;
    // Rotated as Envoy does, so that the order of the headers counts.
    hash = hash === undefined ? hashText(value) : ((hash << 1) | (hash >>> 31)) ^ hashText(value);
  }
  return hash === undefined ? undefined : hash >>> 0;
}

/** FNV-1a with a final mix: short keys that differ in their last letter must land far apart. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  return hash ^ (hash >>> 15);
}
