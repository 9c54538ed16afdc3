import { describe, type TestContext, test } from 'node:test';
import { byteTests } from './bytes.ts';
import { closingTests } from './closing.ts';
import { flowControlTests } from './flow-control.ts';
import { Meeting } from './meeting.ts';
import { meetingPlaceTests } from './meeting-places.ts';
import type { TransportWorld } from './world.ts';

/** Registers a test that gets a listener of its own in a world of its own. */
export type SuiteTest = (name: string, body: (meeting: Meeting, context: TestContext) => Promise<void>) => void;

/** What every {@link Transport} promises. `skip`: why it cannot be tried here, or false. */
export function transportSuite(
  name: string,
  makeWorld: () => Promise<TransportWorld>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  const inWorld: SuiteTest = (testName, body) =>
    test(testName, { skip }, async (context) => {
      const world = await makeWorld();
      try {
        const meeting = await Meeting.open(world);
        try {
          await body(meeting, context);
          await meeting.finish();
        } finally {
          meeting.abandon();
        }
      } finally {
        await world.close();
      }
    });
  describe(`transport ${name}`, () => {
    describe('bytes', () => byteTests(inWorld));
    describe('flow control', () => flowControlTests(inWorld));
    describe('closing', () => closingTests(inWorld));
    describe('listening and dialling', () => meetingPlaceTests(inWorld));
  });
}
