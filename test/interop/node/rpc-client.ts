// A client made with sofa-rpc-node: bolt|dubbo TIMEOUT-MS HASTY-TIMEOUT-MS.
import dubboProtocol from 'dubbo-remoting';
import { client } from 'sofa-rpc-node';
import { type EchoService, serveInput, troublesOnly } from './caller.ts';

const [protocol = 'bolt', timeoutMs = '3000', hastyTimeoutMs = '400'] = process.argv.slice(2);
const int = (n: number) => ({ $class: 'int', $: n });
const carrying = (key: string, value: string) => ({ requestProps: { [key]: value } });

// Otherwise a client that saw mostly errors for a while stops calling.
client.DynamicConfig.instance.circuitBreaker.forceClosed = true;

const rpc = new client.RpcClient({
  logger: troublesOnly,
  ...(protocol === 'dubbo' && { protocol: dubboProtocol }),
});
rpc.on('error', (error) => console.error(error.message));

async function open(address: string): Promise<EchoService> {
  const consumer = rpc.createConsumer({
    interfaceName: 'mesh.interop.EchoService',
    // The group would be "SOFA".
    ...(protocol === 'dubbo' && { version: '1.0.0', group: '' }),
    serverHost: address,
    responseTimeout: Number(timeoutMs),
  });
  await consumer.ready();
  return {
    echo: (text) => consumer.invoke('echo', [text]) as Promise<string>,
    delay: (text, ms) => consumer.invoke('delay', [text, int(ms)]) as Promise<string>,
    hastyDelay: (text, ms) =>
      consumer.invoke('delay', [text, int(ms)], { responseTimeout: Number(hastyTimeoutMs) }) as Promise<string>,
    fail: (message) => consumer.invoke('fail', [message]) as Promise<string>,
    note: (token) => consumer.invoke('note', [token]) as Promise<void>,
    notes: () => consumer.invoke('notes', []) as Promise<string[]>,
    who: () => consumer.invoke('who', []) as Promise<string>,
    whoWith: (key, value) => consumer.invoke('who', [], carrying(key, value)) as Promise<string>,
    contextWith: (key, value) => consumer.invoke('context', [key], carrying(key, value)) as Promise<string>,
  };
}

serveInput(open);
