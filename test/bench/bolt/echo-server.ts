// A bolt server: answers each request with 1 KiB that begins with the mark of the request. Usage: echo-server.ts PORT
import { createServer, type Socket } from 'node:net';
import { FrameScanner, idAt, markBytes, responseTemplate } from './frame.ts';
import { FrameBatch } from './frame-batch.ts';

const template = responseTemplate(1024);

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  const answers = new FrameBatch(socket, template);
  const scanner = new FrameScanner('requests', (bytes, start, contentStart) => {
    const answer = answers.add();
    bytes.copy(answer.bytes, answer.at + idAt, start + idAt, start + idAt + 4);
    bytes.copy(answer.bytes, answer.at + template.contentAt, contentStart, contentStart + markBytes);
  });
  socket.on('data', (chunk: Buffer) => {
    scanner.scan(chunk);
    answers.flush();
  });
  socket.on('error', () => {}); // The load is over.
}

createServer(serve).listen(Number(process.argv[2]), '127.0.0.1');
