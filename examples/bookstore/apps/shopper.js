// shopper: reads books from the catalog over HTTP, 20 times a second. Every tenth request comes from a tester,
// which config/catalog.yaml routes to v2.
import { Pool } from 'undici';
import { serviceAt } from './address.js';
import { reachable, steadily } from './steadily.js';

const { host, port } = serviceAt('catalog', 9080);
await reachable({ host, port });

// The Host header names the service; the address is only where the sidecar listens.
const catalog = new Pool(`http://${host}:${port}`, { connections: 4 });
let calls = 0;

steadily(20, async () => {
  calls += 1;
  const headers = { host: 'catalog.bookstore.svc.cluster.local' };
  if (calls % 10 === 0) headers['x-user'] = 'tester';
  // An answer is an answer, a 503 too: the table of `meshctl up` counts them. Only a broken connection throws.
  const { body } = await catalog.request({ method: 'GET', path: `/books/${1 + (calls % 5)}`, headers });
  await body.dump();
});
