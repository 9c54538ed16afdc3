// orders: a SOFARPC client of the inventory. Reserves five books a second and looks at the stock ten times a second.

import { serviceAt } from './address.js';
import { inventoryClient } from './inventory-client.js';
import { reachable, steadily } from './steadily.js';

await reachable(serviceAt('inventory', 12200));
const inventory = inventoryClient();
const anyBook = () => 1 + Math.floor(5 * Math.random());

steadily(5, () => inventory.reserve(anyBook(), 1));
steadily(10, () => inventory.stock(anyBook()));
