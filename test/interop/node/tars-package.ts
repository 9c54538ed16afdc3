import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The parts of npm's Tars packages that are used here: what the code of their own compiler calls. */
export interface TarsPackage {
  rpc: {
    client: { stringToProxy(proxy: new () => TarsProxy, address: string): TarsProxy; disconnect(): void };
    server: { createServer(implementation: new () => object): { start(options: object): void } };
    error: { SUCCESS: number; SERVER: { FUNC_NOT_FOUND: number } };
  };
  stream: {
    TarsOutputStream: new () => OutputStream;
    TarsInputStream: new (bytes: object) => InputStream;
    UniAttribute: new () => Attributes;
    /** Versions of the packet: Tars itself, and TUP with simple and with complex names. */
    Tup: { JCE_VERSION: number; TUP_SIMPLE: number; TUP_COMPLEX: number };
  };
}

/** A client's end of a service; the library sets its fields. */
export interface TarsProxy {
  _worker: {
    timeout: number;
    version: number;
    tars_invoke(method: string, body: object, properties?: object): Promise<{ response: { sBuffer: object } }>;
    tup_invoke(method: string, body: Attributes, properties?: object): Promise<{ response: { tup: Attributes } }>;
  };
}

interface OutputStream {
  writeInt32(tag: number, value: number): void;
  writeString(tag: number, value: string): void;
  getBinBuffer(): object;
}

interface InputStream {
  readInt32(tag: number, required: boolean): number;
  readString(tag: number, required: boolean, otherwise?: string): string;
}

export interface Attributes {
  tupVersion: number;
  writeInt32(name: string, value: number): void;
  writeString(name: string, value: string): void;
  readString(name: string, otherwise?: string): string;
  encode(): object;
  decode(bytes: object): void;
}

/** One call at a server. */
export interface TarsCall {
  getRequestVersion(): number;
  getContext(): { get(key: string): string | undefined };
  setResponseContext(context: object): void;
  doResponse(body: object): void;
  sendErrorResponse(code: number, message: string): void;
}

export function loadTars(folder: string): TarsPackage {
  const require = createRequire(join(folder, 'package.json'));
  return { rpc: require('@tars/rpc'), stream: require('@tars/stream') };
}

/** The name under which the server is called. */
export const servant = 'Interop.EchoServer.EchoObj';
