// An RPC server: answers each request with 1 KiB that begins with the mark of the request. Usage: echo-server.ts PROTOCOL PORT
import { createServer, type Socket } from 'node:net';
import { formatNamed } from './formats.ts';
import { markBytes } from './frame.ts';
import { FrameBatch } from './frame-batch.ts';
import { FrameScanner } from './frame-scanner.ts';

const [protocol, port] = process.argv.slice(2);
const format = formatNamed(protocol);
const { request, response, idAt, idBytes } = format;
const contentToEnd = request.template.length - request.contentAt;

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  const answers = new FrameBatch(socket, response.template);
  const scanner = new FrameScanner(request, (bytes, start, end) => {
    const heartbeat = format.heartbeatAnswer?.(bytes, start);
    if (heartbeat !== undefined) {
      answers.flush();
      socket.write(heartbeat);
      return;
    }
    const content = end - contentToEnd;
    const answer = answers.add();
    bytes.copy(answer.bytes, answer.at + idAt, start + idAt, start + idAt + idBytes);
    bytes.copy(answer.bytes, answer.at + response.contentAt, content, content + markBytes);
  });
  socket.on('data', (chunk: Buffer) => {
    scanner.scan(chunk);
    answers.flush();
  });
  socket.on('error', () => {}); // The load is over.
}

createServer(serve).listen(Number(port), '127.0.0.1');
