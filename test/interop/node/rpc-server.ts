// A server made with sofa-rpc-node: bolt|dubbo PORT NAME [HOST].
import { setTimeout as sleep } from 'node:timers/promises';
import dubboProtocol from 'dubbo-remoting';
import { server } from 'sofa-rpc-node';
import { serveUntilInputEnds, troublesOnly } from './caller.ts';

const [protocol = 'bolt', port = '0', name = 'npm', host = '127.0.0.1'] = process.argv.slice(2);

const rpc = new server.RpcServer({
  logger: troublesOnly,
  ...(protocol === 'dubbo' && { protocol: dubboProtocol }),
  // Handed to listen() as it is. With a bare number it would listen on every address of the machine.
  port: { host, port: Number(port) },
});
rpc.on('error', (error) => console.error(error.message));

const notes: string[] = [];
rpc.addService(
  { interfaceName: 'mesh.interop.EchoService', ...(protocol === 'dubbo' && { version: '1.0.0' }) },
  {
    async echo(text: string) {
      return text;
    },
    async delay(text: string, ms: number) {
      await sleep(ms);
      return text;
    },
    async fail(message: string) {
      throw new Error(message);
    },
    async note(token: string) {
      notes.push(token);
      return 'noted'; // dubbo-remoting cannot answer null
    },
    async notes() {
      return notes;
    },
    async who() {
      return name;
    },
  },
);
await rpc.start();
serveUntilInputEnds(Number(port));
