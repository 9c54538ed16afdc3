import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { crashOneWorker } from './support/inspector.ts';
import { httpBootstrap, Mosn } from './support/mosn.ts';
import { Origin } from './support/origin.ts';

const connectionCount = 32;

/** A connection that carries one request after the other. */
class Client {
  open = true;
  readonly #socket: Socket;
  #onAnswer: (() => void) | undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', () => this.#onAnswer?.());
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.open = false;
      this.#onAnswer?.();
    });
  }

  /** False when the connection ended instead of an answer. */
  async ask(): Promise<boolean> {
    const answered = new Promise<void>((resolve) => {
      this.#onAnswer = resolve;
    });
    this.#socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await answered;
    return this.open;
  }

  close(): void {
    this.#socket.destroy();
  }
}

describe('mosn with two workers', () => {
  test('spreads connections, survives the crash of a worker and replaces it', async (t) => {
    const origin = await Origin.start();
    t.after(() => origin.stop());
    const mosn = await Mosn.start({
      ...httpBootstrap(origin.port),
      args: ['--concurrency', '2'],
      nodeArgs: ['--inspect=127.0.0.1:0'],
    });
    t.after(() => mosn.stop());
    const port = Number(new URL(await mosn.url()).port);
    const clients = Array.from({ length: connectionCount }, () => new Client(port));
    t.after(() => {
      for (const client of clients) client.close();
    });
    assert.deepEqual(new Set(await Promise.all(clients.map((client) => client.ask()))), new Set([true]));
    const before = await mosn.stat('http.in.downstream_rq_total');
    assert.equal(before, connectionCount);

    const [, inspectorUrl] = await mosn.process.printed(/Debugger listening on (ws:\S+)/);
    await crashOneWorker(inspectorUrl!);
    await mosn.process.printed(/worker ended.*crashed by the test/);
    const left = clients.filter(({ open }) => open);
    assert.ok(left.length > 0 && left.length < connectionCount, `${left.length} connections are left`);
    assert.deepEqual(new Set(await Promise.all(left.map((client) => client.ask()))), new Set([true]));
    await mosn.process.printed(/worker replaced/);

    // What the dead worker counted is not lost, and the port is still the same.
    assert.equal(await mosn.stat('http.in.downstream_rq_total'), connectionCount + left.length);
    const more = Array.from({ length: connectionCount }, () => new Client(port));
    t.after(() => {
      for (const client of more) client.close();
    });
    assert.deepEqual(new Set(await Promise.all(more.map((client) => client.ask()))), new Set([true]));
    assert.equal((await mosn.ask('/ready')).status, 200);
  });
});
