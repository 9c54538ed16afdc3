// Opens connections, makes one request on each where the kind has requests, and keeps them until its input ends. Prints
// `ready COUNT` when all stand. Usage: client.ts KIND PORT COUNT
import { connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

const kinds = {
  tcp: { secure: false, http2: false, asks: false },
  http: { secure: false, http2: false, asks: true },
  tls: { secure: true, http2: false, asks: true },
  'http2-tls': { secure: true, http2: true, asks: true },
};
/** Handshakes at once. */
const openingAtOnce = 50;

/** Preface, empty SETTINGS, an acknowledgement, and GET / with `:authority: idle` on stream 1 (RFC 9113 §3.4, §6). */
const http2Opening = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from('000000040000000000', 'hex'),
  Buffer.from('000000040100000000', 'hex'),
  Buffer.from('000009010500000001', 'hex'),
  Buffer.from('8286840104', 'hex'),
  Buffer.from('idle'),
]);
const http1Request = Buffer.from('GET / HTTP/1.1\r\nhost: idle\r\n\r\n');
/** Every answer carries 1 KiB. */
const answerBytes = 1024;

const [kind = '', port = '', count = ''] = process.argv.slice(2);
const { secure, http2, asks } = kinds[kind as keyof typeof kinds];

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const ready = () => {
      if (!asks) return resolve(socket);
      socket.write(http2 ? http2Opening : http1Request);
    };
    const socket: Socket = secure
      ? tlsConnect(
          {
            host: '127.0.0.1',
            port: Number(port),
            rejectUnauthorized: false,
            ALPNProtocols: [http2 ? 'h2' : 'http/1.1'],
          },
          ready,
        )
      : netConnect(Number(port), '127.0.0.1', ready);
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received >= answerBytes) resolve(socket);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`closed after ${received} bytes`)));
  });
}

const sockets: Socket[] = [];
let left = Number(count);
const opener = async () => {
  while (left-- > 0) sockets.push(await open());
};
await Promise.all(Array.from({ length: openingAtOnce }, opener));
// From now on a close is a fault of its own.
for (const socket of sockets)
  socket.once('close', () => {
    console.log('a connection was closed');
    process.exit(1);
  });
console.log(`ready ${sockets.length}`);
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
