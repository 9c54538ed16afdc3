// A server of the protocol, and a call through mosn: node office.mjs [method] [body]
import { connect, createServer } from 'node:net';

const frame = (type, id, method, body) => {
  const head = Buffer.from(`PC${type}\0\0\0\0\0\0\0\0\0`);
  head[3] = Buffer.byteLength(method);
  head.writeUInt32BE(id, 4);
  head.writeUInt32BE(Buffer.byteLength(method + body), 8);
  return Buffer.concat([head, Buffer.from(method + body)]);
};

// One frame comes in one piece here, which is good enough to try something.
const server = createServer((socket) =>
  socket.on('data', (question) => {
    const body = question.toString('utf8', 12 + question[3]);
    socket.write(frame('A', question.readUInt32BE(4), '', `thank you for ${body}`));
  }),
);

server.listen(7011, '127.0.0.1', () => {
  const [method = 'send', body = 'the parcel'] = process.argv.slice(2);
  const client = connect(7010, '127.0.0.1', () => client.write(frame('Q', 1, method, body)));
  client.on('data', (answer) => {
    console.log(answer.toString('utf8', 2, 3), answer.toString('utf8', 12 + answer[3]));
    client.destroy();
    server.close();
    process.exit();
  });
});
