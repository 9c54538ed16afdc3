// The parts of untyped npm packages that the programs of this folder use.

declare module 'sofa-rpc-node' {
  interface Protocol {
    readonly name?: string;
  }
  interface Logger {
    debug(...words: unknown[]): void;
    info(...words: unknown[]): void;
    warn(...words: unknown[]): void;
    error(...words: unknown[]): void;
  }
  interface Consumer {
    ready(): Promise<void>;
    invoke(
      method: string,
      args: unknown[],
      options?: { responseTimeout?: number; requestProps?: object },
    ): Promise<unknown>;
  }
  class RpcClient {
    constructor(options: { logger: Logger; protocol?: Protocol });
    on(event: 'error', listener: (error: Error) => void): this;
    createConsumer(options: {
      interfaceName: string;
      version?: string;
      group?: string;
      serverHost: string;
      responseTimeout: number;
      connectionOpts?: object;
    }): Consumer;
  }
  class RpcServer {
    constructor(options: { logger: Logger; protocol?: Protocol; port: { host: string; port: number } });
    on(event: 'error', listener: (error: Error) => void): this;
    addService(identity: { interfaceName: string; version?: string }, methods: object): void;
    start(): Promise<void>;
  }
  export const client: {
    RpcClient: typeof RpcClient;
    DynamicConfig: { instance: { circuitBreaker: { forceClosed: boolean } } };
  };
  export const server: { RpcServer: typeof RpcServer };
}

declare module 'dubbo-remoting' {
  import type { Protocol } from 'sofa-rpc-node';

  const protocol: Protocol;
  export default protocol;
}
