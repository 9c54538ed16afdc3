import type { RequestHead } from '@sofamesh/contract/message';

/** An RPC call whose headers are more than so many goes on without those of its trace: they could be too many for its protocol. */
const tracedHeadersMax = 90;
/** The same for their bytes: the block of bolt has 32,767 at most. */
const tracedHeaderBytesMax = 31 * 1024;

/** Whether some more headers do no harm to a call. A trace must never be why it fails. */
export function hasRoom(head: RequestHead): boolean {
  let count = 0;
  let bytes = 0;
  head.visit((name, value) => {
    count++;
    // Both have their lengths before them.
    bytes += 8 + Buffer.byteLength(name) + Buffer.byteLength(value);
  });
  return count <= tracedHeadersMax && bytes <= tracedHeaderBytesMax;
}
