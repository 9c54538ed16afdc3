// pricing: a Dubbo provider, made with sofa-rpc-node and dubbo-remoting.
import { setTimeout as sleep } from 'node:timers/promises';
import dubboProtocol from 'dubbo-remoting';
import { server } from 'sofa-rpc-node';
import { listenOn } from './address.js';
import { complain, quietLogger } from './steadily.js';

const rpc = new server.RpcServer({
  logger: quietLogger,
  protocol: dubboProtocol,
  // Handed to listen() as it is. With a bare number the server would listen on every address of the machine.
  port: listenOn(30880),
});
rpc.on('error', complain);

const priceOf = (book) => 9 + (book % 5);

rpc.addService(
  { interfaceName: 'com.example.bookstore.PricingService', version: '1.0.0' },
  {
    /** The price of one book. */
    async getPrice(book) {
      return { $class: 'int', $: priceOf(book) };
    },
    /** The price of many copies of it, with a discount from ten on. Takes a millisecond per copy. */
    async quote(book, copies) {
      await sleep(copies);
      return { $class: 'double', $: priceOf(book) * copies * (copies < 10 ? 1 : 0.9) };
    },
  },
);

await rpc.start();
