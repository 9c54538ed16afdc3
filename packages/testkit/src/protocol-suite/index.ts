/**
 * The suite that every protocol hands itself to, in a test file of its own folder:
 *
 *     // packages/protocols/src/bolt/bolt.test.ts
 *     import { protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
 *     protocolSuite(protocol, { messages: 'whole', exchanges: [...], idOf, heartbeat, localReplies, refused });
 *
 * It registers a `describe` with tests for: decoding of the samples, cut at every byte, byte by byte, in random pieces;
 * truncation at every byte (nothing that looks complete); seeded corruption (no throw, no hang, no growth); relaying
 * through both codecs; retry with the same head; ids and order; one-way calls; heartbeats; GOAWAY and draining; local
 * replies; refused bytes; pausing; back-pressure; resets and lost connections; detach; detection.
 */
export * from './fixtures.ts';
export { protocolSuite } from './suite.ts';
