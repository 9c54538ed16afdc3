// A client made with @tars/rpc: FOLDER TIMEOUT-MS HASTY-TIMEOUT-MS. Styles: simple and complex, which are those of TUP.
import { type EchoService, serveInput } from './caller.ts';
import { loadTars, servant, type TarsProxy } from './tars-package.ts';

const [folder = '', timeoutMs = '3000', hastyTimeoutMs = '400'] = process.argv.slice(2);
const { rpc, stream } = loadTars(folder);
const oneWayPacket = 1;

/** What the library's compiler would generate is a class whose fields the library sets. */
class EchoProxy implements TarsProxy {
  declare _name: string;
  declare _worker: TarsProxy['_worker'];
}

type Call = (method: string, text: string, properties?: object) => Promise<string>;

function proxy(address: string, style: string, timeout: number): Call {
  const [host, port] = address.split(':');
  const version = { simple: stream.Tup.TUP_SIMPLE, complex: stream.Tup.TUP_COMPLEX }[style];
  // The library keeps a connection for each address as it is written; every timeout and version needs its own.
  const written = `${servant}@tcp -h ${host} -p ${port} -t ${timeout + (version ?? 0)}`;
  const { _worker: worker } = rpc.client.stringToProxy(EchoProxy, written);
  worker.timeout = timeout;
  if (version !== undefined) worker.version = version;
  return async (method, text, properties) => {
    try {
      if (version === undefined) {
        const { response } = await worker.tars_invoke(method, numbered(text), properties);
        return numberedValue(response.sBuffer);
      }
      const { response } = await worker.tup_invoke(method, named(text, version), properties);
      return response.tup.readString('value');
    } catch (thrown) {
      throw asError(thrown);
    }
  };
}

function numbered(text: string): object {
  const output = new stream.TarsOutputStream();
  output.writeString(1, text);
  return output.getBinBuffer();
}

function numberedValue(body: object): string {
  const input = new stream.TarsInputStream(body);
  input.readInt32(0, true);
  return input.readString(2, true);
}

function named(text: string, version: number) {
  const attributes = new stream.UniAttribute();
  attributes.tupVersion = version;
  attributes.writeString('text', text);
  return attributes;
}

/** The library throws the exchange with an error in it. */
function asError(thrown: unknown): Error {
  const { error } = thrown as { error?: { code: number; message: string } };
  return error ? new Error(`${error.code}: ${error.message}`) : (thrown as Error);
}

function open(address: string, style: string): EchoService {
  const patient = proxy(address, style, Number(timeoutMs));
  const hasty = proxy(address, style, Number(hastyTimeoutMs));
  const carrying = (key: string, value: string) => ({ context: { [key]: value } });
  return {
    echo: (text) => patient('echo', text),
    delay: (text, ms) => patient('delay', `${ms} ${text}`),
    hastyDelay: (text, ms) => hasty('delay', `${ms} ${text}`),
    fail: (message) => patient('fail', message),
    // The library rejects a one-way call once it is sent.
    note: (token) => patient('note', token, { packetType: oneWayPacket }).then(undefined, () => {}) as Promise<void>,
    notes: async () => (await patient('notes', '')).split(','),
    who: () => patient('who', ''),
    whoWith: (key, value) => patient('who', '', carrying(key, value)),
    contextWith: (key, value) => patient('context', key, carrying(key, value)),
  };
}

serveInput(open);
