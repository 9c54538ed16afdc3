import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveIstioPort, resolveServicePort } from './port-protocol.ts';

describe('what a port carries', () => {
  for (const [port, protocol, xProtocol] of [
    [{ name: 'http' }, 'HTTP'],
    [{ name: 'http-admin' }, 'HTTP'],
    [{ name: 'http2-x' }, 'HTTP2'],
    [{ name: 'grpc' }, 'GRPC'],
    [{ name: 'grpc-web' }, 'GRPC-Web'],
    [{ name: 'tcp-http' }, 'TCP'],
    [{ name: 'httpx' }, 'unspecified'],
    [{ name: '', number: 80 }, 'unspecified'],
    [{ name: 'db', number: 3306 }, 'TCP'],
    [{ name: 'tcp', protocol: 'HTTP' }, 'HTTP'],
    [{ name: 'http', protocol: 'TCP' }, 'TCP'],
    [{ name: 'x-bolt', protocol: 'TCP' }, 'X', 'bolt'],
    [{ name: 'x-dubbo-user' }, 'X', 'dubbo'],
    [{ name: 'X-BOLT', protocol: 'tcp' }, 'X', 'bolt'],
    [{ name: 'x-bolt', protocol: 'HTTP' }, 'HTTP'],
    [{ name: 'a', protocol: 'X-DUBBO' }, 'X', 'dubbo'],
    [{ name: 'x-' }, 'unspecified'],
  ] as const) {
    test(`an Istio port ${JSON.stringify(port)}`, () => {
      assert.deepEqual(resolveIstioPort(port), xProtocol === undefined ? { protocol } : { protocol, xProtocol });
    });
  }

  for (const [port, protocol, xProtocol] of [
    [{ name: 'http-web', protocol: 'TCP' }, 'HTTP'],
    [{ name: 'http', protocol: 'UDP' }, 'UDP'],
    [{ name: 'http', appProtocol: 'grpc' }, 'GRPC'],
    [{ name: 'http', appProtocol: 'kubernetes.io/h2c' }, 'HTTP2'],
    [{ name: 'http', appProtocol: 'x-bolt' }, 'X', 'bolt'],
    [{ name: 'x-dubbo-user', protocol: 'TCP' }, 'X', 'dubbo'],
    [{ name: 'http', appProtocol: 'mine.example/odd' }, 'unspecified'],
  ] as const) {
    test(`a port of a Kubernetes Service ${JSON.stringify(port)}`, () => {
      assert.deepEqual(resolveServicePort(port), xProtocol === undefined ? { protocol } : { protocol, xProtocol });
    });
  }

  test('an RPC protocol that nobody speaks makes a TCP port', () => {
    const known = new Set(['bolt']);
    assert.deepEqual(resolveIstioPort({ name: 'x-tars-a' }, known), { protocol: 'TCP', unknownXProtocol: 'tars' });
    assert.deepEqual(resolveServicePort({ name: 'x-bolt' }, known), { protocol: 'X', xProtocol: 'bolt' });
  });
});
