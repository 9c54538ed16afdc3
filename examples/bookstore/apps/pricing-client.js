import { DirectlyDubbo, java } from 'dubbo2.js';
import { serviceAt } from './address.js';
import { reachable } from './steadily.js';

/** A client of the pricing, made with dubbo2.js. It connects by itself; a call that cannot be made rejects. */
export function pricingClient() {
  const address = serviceAt('pricing', 20880);
  let service; // undefined while nobody listens

  // dubbo2.js dials every three seconds and gives up after a minute, so it is asked to only when somebody listens.
  async function connect() {
    service = undefined;
    await reachable(address);
    const dubbo = DirectlyDubbo.from({
      dubboAddress: `${address.host}:${address.port}`,
      dubboVersion: '2.0.2',
      dubboInvokeTimeout: 2, // seconds
    });
    service = dubbo.proxyService({
      dubboInterface: 'com.example.bookstore.PricingService',
      version: '1.0.0',
      timeout: 2000,
      methods: {
        getPrice: (book) => [java.int(book)],
        quote: (book, copies) => [java.int(book), java.int(copies)],
      },
    });
  }

  async function call(method, ...args) {
    const used = service;
    if (used === undefined) throw new Error('pricing: nobody listens yet');
    const { res, err } = await used[method](...args);
    if (err === null) return res;
    const gaveUp = /^socket-?worker (was|had) closed/i.test(err.message);
    if (gaveUp && used === service) connect();
    throw err;
  }

  connect();
  return {
    /** The price of one book. */
    getPrice: (book) => call('getPrice', book),
    /** The price of many copies of it. */
    quote: (book, copies) => call('quote', book, copies),
  };
}
