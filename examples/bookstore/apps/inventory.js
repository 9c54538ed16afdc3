// inventory: a SOFARPC (bolt) server in two versions, made with sofa-rpc-node.
import { setTimeout as sleep } from 'node:timers/promises';
import { server } from 'sofa-rpc-node';
import { listenOn } from './address.js';
import { inventoryProto } from './inventory-proto.js';
import { complain, quietLogger } from './steadily.js';

const version = process.env.VERSION ?? 'v1';
let receipts = 0;

const rpc = new server.RpcServer({
  logger: quietLogger,
  proto: inventoryProto,
  // Handed to listen() as it is. With a bare number the server would listen on every address of the machine.
  port: listenOn(22200),
});
rpc.on('error', complain);

rpc.addService(
  { interfaceName: 'com.example.bookstore.InventoryService' },
  {
    /** Hessian: copies of a book in stock. */
    async stock(book) {
      return 10 * book;
    },
    /** Protobuf: see inventory.proto. Takes 5 to 15 ms, so that there is a timeout to try. */
    async reserve({ book, copies }) {
      receipts += 1;
      await sleep(5 + 10 * Math.random());
      return { id: `${version}-${book}-${copies}-${receipts}`, version };
    },
  },
);

await rpc.start();
