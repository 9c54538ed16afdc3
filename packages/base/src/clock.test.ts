import { clockSuite } from '@sofamesh/testkit/clock-suite';
import { systemClock } from './clock.ts';
import { ManualClock } from './manual-clock.ts';

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms + 2));

clockSuite('of the machine', () => ({ clock: systemClock, pass: wait }), 20);

clockSuite(
  'that is moved by hand',
  () => {
    const clock = new ManualClock();
    return { clock, pass: async (ms) => clock.advance(ms) };
  },
  20,
);
