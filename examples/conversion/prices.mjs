// The prices of a bookstore, over HTTP with JSON.
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

const priceOf = (book) => 9 + (book % 5);

const server = createServer(async (request, response) => {
  const [, , book] = request.url.split('/');
  const answer = (status, value) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (!(Number(book) > 0)) answer(404, { message: `no book ${book}` });
  else if (request.method === 'GET') answer(200, priceOf(Number(book)));
  else answer(200, priceOf(Number(book)) * (await json(request)).copies);
});

server.listen(7022, '127.0.0.1');
