import type { Protocol } from '@sofamesh/contract/protocol';

/**
 * The first of the protocols that recognises the bytes; `none` when all have said no, `more` while one that comes before
 * may still say yes. So the answer depends on the bytes alone, not on how they arrive.
 */
export function detectProtocol(protocols: readonly Protocol[], prefix: Buffer): Protocol | 'none' | 'more' {
  for (const protocol of protocols) {
    const answer = protocol.detect(prefix);
    if (answer === 'match') return protocol;
    if (answer === 'more') return 'more';
  }
  return 'none';
}
