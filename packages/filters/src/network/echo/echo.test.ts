import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkFilterWorld, networkFilterSuite } from '@sofamesh/testkit/network-filter-suite/index';
import { reader } from './config.ts';
import { kind } from './echo.ts';

networkFilterSuite(kind, { reader, configs: [{ name: 'as it is', message: new Uint8Array() }] });

test('gives back what comes, and ends when the client does', () => {
  const world = new NetworkFilterWorld(kind, undefined);
  const client = world.connect();
  client.send('one');
  client.send('two');
  assert.equal(client.connection.take().toString(), 'onetwo');
  client.end();
  assert.equal(client.connection.closed, 'flush');
});

test('reads no more while the client does not take what it sent', () => {
  const world = new NetworkFilterWorld(kind, undefined);
  const client = world.connect();
  client.connection.writable = false;
  client.send('one');
  assert.equal(client.connection.reading, false);
  client.connection.writable = true;
  client.connection.handler!.onWritable!();
  assert.equal(client.connection.reading, true);
});
