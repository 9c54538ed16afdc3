// A server made with npm's thrift: FOLDER NAME PORT…, one port for each of thriftStyles.
import { setTimeout as sleep } from 'node:timers/promises';
import { serveUntilInputEnds } from './caller.ts';
import { loadThrift, thriftOptions, thriftStyles } from './thrift-package.ts';

const [folder = '', name = '', ...ports] = process.argv.slice(2);
const { thrift, echo, types } = loadThrift(folder);

const notes: string[] = [];
const handler = {
  async echo(text: string) {
    return text;
  },
  async delay(text: string, ms: number) {
    await sleep(ms);
    return text;
  },
  async fail(message: string) {
    throw new types.Refused({ message });
  },
  // A call without an answer gets no promise to answer with.
  note(token: string) {
    notes.push(token);
  },
  async notes() {
    return notes;
  },
  async who() {
    return name;
  },
};

for (const [i, style] of thriftStyles.entries()) {
  const server = thrift.createServer(echo, handler, thriftOptions(thrift, style));
  // A connection that is reset; nobody else would take it.
  server.on('error', (error) => console.error(error.message));
  server.listen(Number(ports[i]), '127.0.0.1');
}
serveUntilInputEnds(Number(ports[0]));
