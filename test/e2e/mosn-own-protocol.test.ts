import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleFrame } from '@sofamesh/protocols/example/sample-frames.test';
import { Mosn } from './support/mosn.ts';

const document = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'add-a-protocol.md'), 'utf8');

test('what docs/add-a-protocol.md says of a call through mosn is so', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (frame: Buffer) => {
      frame[1] = 1;
      socket.write(frame);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());

  const [, yaml] = /^```yaml\n([\s\S]*?)^```$/m.exec(document)!;
  const { port } = server.address() as AddressInfo;
  const bootstrap = yaml!.replaceAll(/\b(?:9901|7070)\b/g, '0').replaceAll(/\b7071\b/g, String(port));
  const mosn = await Mosn.start({ bootstrap });
  t.after(() => mosn.stop());

  const client = connect(Number(new URL(await mosn.url()).port), '127.0.0.1');
  t.after(() => client.destroy());
  let answers = '';
  client.on('data', (chunk) => {
    answers += chunk.toString('hex');
  });
  for (const service of [7, 8]) client.write(exampleFrame({ id: 5, service, payload: 'hi' }));
  const answered = exampleFrame({ type: 1, id: 5, payload: 'hi' }).toString('hex');
  const refused = exampleFrame({ type: 1, status: 2, service: 8, id: 5 }).toString('hex', 0, 4);
  await mosn.process.until('both are answered', () => answers.includes(answered) && answers.includes(refused));
  await mosn.process.until('both are logged', () => mosn.process.output.includes('NR'));
  const { text } = await mosn.ask('/stats?filter=in');
  assert.match(text, /downstream_rq_total: 2/);
});
