import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const root = protobuf.loadSync(fileURLToPath(new URL('inventory.proto', import.meta.url)));

/** The inventory's .proto file in the form that sofa-rpc-node wants. It asks for `interface:version`. */
export const inventoryProto = {
  lookupService: (signature) => root.lookupService(signature.split(':')[0]),
};
