// catalog: an HTTP service in two versions, made with hono. To answer it asks the inventory (SOFARPC) for the stock
// and the pricing (Dubbo) for the price, so one request of a shopper crosses three protocols. v2 adds ratings.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { listenOn } from './address.js';
import { inventoryClient } from './inventory-client.js';
import { pricingClient } from './pricing-client.js';
import { complain } from './steadily.js';

const version = process.env.VERSION ?? 'v1';
const titles = { 1: 'Pride and Prejudice', 2: 'Moby-Dick', 3: 'Middlemarch', 4: 'Dracula', 5: 'Walden' };
const inventory = inventoryClient();
const pricing = pricingClient();

/** What a neighbour says, or null: a catalog without stock or price is better than none. */
async function orNull(answer) {
  try {
    return await answer;
  } catch (error) {
    complain(error);
    return null;
  }
}

const app = new Hono();

app.get('/books/:id', async (c) => {
  const id = Number(c.req.param('id'));
  if (!(id in titles)) return c.json({ error: `no book ${id}` }, 404);
  const [stock, price] = await Promise.all([orNull(inventory.stock(id)), orNull(pricing.getPrice(id))]);
  const book = { id, title: titles[id], version, stock, price };
  if (version !== 'v1') book.rating = 3 + (id % 3);
  return c.json(book);
});

const { host, port } = listenOn(19080);
serve({ fetch: app.fetch, hostname: host, port });
