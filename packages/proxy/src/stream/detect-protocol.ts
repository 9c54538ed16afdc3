import type { Protocol } from '@sofamesh/contract/protocol';

/**
 * The first of the protocols that recognises the first `bytesMax` bytes; `none` when all have said no, or cannot say by so
 * many; `more` while one that comes before may still say yes. So the answer depends on the bytes alone, not on how they
 * arrive.
 */
export function detectProtocol(
  protocols: readonly Protocol[],
  received: Buffer,
  bytesMax: number,
): Protocol | 'none' | 'more' {
  const prefix = received.length > bytesMax ? received.subarray(0, bytesMax) : received;
  for (const protocol of protocols) {
    const answer = protocol.detect(prefix);
    if (answer === 'match') return protocol;
    if (answer === 'more') return prefix.length < bytesMax ? 'more' : 'none';
  }
  return 'none';
}
