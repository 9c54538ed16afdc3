export { Meeting, pattern } from './meeting.ts';
export { Recorder } from './recorder.ts';
export { transportSuite } from './suite.ts';
export type { TransportWorld } from './world.ts';
