import { describe } from 'node:test';
import type { Protocol } from '@sofamesh/contract/protocol';
import { Bench } from './bench.ts';
import { correlationTests } from './correlation.ts';
import { corruptionTests } from './corruption.ts';
import { decodingTests } from './decoding.ts';
import { detachingTests } from './detaching.ts';
import { detectionTests } from './detection.ts';
import { drainingTests } from './draining.ts';
import { endingTests } from './endings.ts';
import type { ProtocolFixtures } from './fixtures.ts';
import { flowControlTests } from './flow-control.ts';
import { heartbeatTests } from './heartbeats.ts';
import { localReplyTests } from './local-replies.ts';
import { madeOnce } from './made-once.ts';
import { oneWayTests } from './one-way.ts';
import { refusalTests } from './refusals.ts';
import { relayingTests } from './relaying.ts';
import { truncationTests } from './truncation.ts';

/** Registers the tests of the Protocol contract for one protocol. */
export function protocolSuite(protocol: Protocol, fixtures: ProtocolFixtures): void {
  const bench = new Bench(protocol, madeOnce(fixtures));
  const { oneWay, heartbeat, goAway } = bench.fixtures;
  describe(`protocol ${protocol.name}`, () => {
    describe('decoding', () => decodingTests(bench));
    describe('truncation', () => truncationTests(bench));
    describe('corruption', () => corruptionTests(bench));
    describe('relaying', () => relayingTests(bench));
    describe('correlation', () => correlationTests(bench));
    if (oneWay !== undefined) describe('one-way calls', () => oneWayTests(bench, oneWay));
    describe('heartbeats', () => heartbeatTests(bench, heartbeat));
    describe('draining', () => drainingTests(bench, goAway));
    describe('local replies', () => localReplyTests(bench));
    describe('refusals', () => refusalTests(bench));
    describe('flow control', () => flowControlTests(bench));
    describe('endings', () => endingTests(bench));
    describe('detaching', () => detachingTests(bench));
    describe('detection', () => detectionTests(bench));
  });
}
