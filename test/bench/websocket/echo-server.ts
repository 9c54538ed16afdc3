// A WebSocket server that sends each message of 1 KiB back. Usage: echo-server.ts PORT
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { clientFrameBytes, clientHeadBytes, emptyMessage, FixedFrames, serverHeadBytes } from './message.ts';

const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const server = createServer((_request, response) => response.writeHead(426).end());
server.on('upgrade', (request, socket: Socket) => {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1')
    .update(key + acceptSuffix)
    .digest('base64');
  const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n';
  socket.write(`${upgraded}sec-websocket-accept: ${accept}\r\n\r\n`);
  socket.setNoDelay(true);
  const frames = new FixedFrames(clientFrameBytes, (bytes, at) => {
    const answer = emptyMessage('server');
    bytes.copy(answer, serverHeadBytes, at + clientHeadBytes, at + clientFrameBytes);
    socket.write(answer);
  });
  socket.on('data', (chunk: Buffer) => frames.read(chunk));
  socket.on('error', () => {}); // The load is over.
  socket.on('end', () => socket.end());
});
server.listen(Number(process.argv[2]), '127.0.0.1');
