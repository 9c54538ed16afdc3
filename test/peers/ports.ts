import { createServer } from 'node:net';

// Below the ports that Linux hands to outgoing connections (32768 on), so that no connection takes one that was just
// found free. For programs that cannot be told to choose a port and say which.
const lowest = 20_000;
const highest = 32_000;
const handedOut = new Set<number>();

/** A port that nobody listens on, on any address, and whose successor is free too (Dubbo takes both). */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = lowest + 2 * Math.floor((Math.random() * (highest - lowest)) / 2);
    if (handedOut.has(port)) continue;
    if ((await isFree(port)) && (await isFree(port + 1))) {
      handedOut.add(port);
      return port;
    }
  }
  throw new Error('no free port found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '0.0.0.0', () => probe.close(() => resolve(true)));
  });
}
