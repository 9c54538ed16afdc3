import { client } from 'sofa-rpc-node';
import { serviceAt } from './address.js';
import { inventoryProto } from './inventory-proto.js';
import { complain, quietLogger } from './steadily.js';

// Broken servers are the sidecar's business: without this a client that saw mostly errors for a while
// stops calling for five seconds.
client.DynamicConfig.instance.circuitBreaker.forceClosed = true;

/** A client of the inventory. It connects by itself, again and again if need be; a call that cannot be made rejects. */
export function inventoryClient() {
  const { host, port } = serviceAt('inventory', 12200);
  const rpc = new client.RpcClient({ logger: quietLogger });
  rpc.on('error', complain);
  const consumer = rpc.createConsumer({
    interfaceName: 'com.example.bookstore.InventoryService',
    serverHost: `${host}:${port}`,
    responseTimeout: 2000,
    connectionOpts: { proto: inventoryProto, connectTimeout: 1000 },
  });
  return {
    /** Copies of a book in stock. Encoded with Hessian. */
    stock: (book) => consumer.invoke('stock', [{ $class: 'int', $: book }]),
    /** Puts copies aside; answers with a receipt. Encoded with Protobuf, see inventory.proto. */
    reserve: (book, copies) => consumer.invoke('reserve', [{ book, copies }], { codecType: 'protobuf' }),
  };
}
