import { Socket } from 'node:net';

/** Less than the first buffer of Node's TLS holds. */
const pieceBytes = 1000;

/**
 * Makes `received` the next bytes that Node's TLS takes from `carrier`, a little at a time. It reads into a ring of buffers
 * that only grows: the first holds 1 KiB, or as much as it is given at once, and when one is full another of 16 KiB stays
 * with the connection. Hellos with post-quantum keys are larger than that, and requests seldom are.
 */
export function unshiftInPieces(carrier: Socket, received: Buffer): void {
  const read = Socket.prototype.read;
  carrier.unshift(received);
  let rest: Buffer | undefined;
  carrier.read = (bytes) => {
    const all: Buffer | null = rest ?? read.call(carrier, bytes);
    if (bytes === undefined && all !== null && all.length > pieceBytes && !carrier.destroyed) {
      rest = all.subarray(pieceBytes);
      return all.subarray(0, pieceBytes);
    }
    // Nothing of this outlives the hello.
    carrier.read = read;
    return carrier.destroyed ? null : all;
  };
}
