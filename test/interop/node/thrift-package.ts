import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The parts of npm's Thrift package and of what its compiler makes of echo.thrift that are used here. */
export interface ThriftPackage {
  createConnection(host: string, port: number, options: object): ThriftConnection;
  createClient(service: EchoCode, connection: ThriftConnection): EchoClient;
  createServer(service: EchoCode, handler: object, options: object): ThriftServer;
  readonly TFramedTransport: object;
  readonly TBufferedTransport: object;
  readonly TBinaryProtocol: object;
  readonly TCompactProtocol: object;
}

export interface ThriftConnection {
  on(event: 'error' | 'close', listener: (error: Error) => void): void;
  end(): void;
}

export interface ThriftServer {
  on(event: 'error', listener: (error: Error) => void): void;
  listen(port: number, host: string): void;
}

export interface EchoClient {
  echo(text: string): Promise<string>;
  delay(text: string, ms: number): Promise<string>;
  fail(message: string): Promise<string>;
  note(token: string): Promise<void>;
  notes(): Promise<string[]>;
  who(): Promise<string>;
}

/** Generated; only the library looks into it. */
export type EchoCode = object;

export interface EchoTypes {
  Refused: new (fields: { message: string }) => Error;
}

/** The package in a folder, and the code that was generated there. */
export function loadThrift(folder: string): { thrift: ThriftPackage; echo: EchoCode; types: EchoTypes } {
  const require = createRequire(join(folder, 'package.json'));
  return {
    thrift: require('thrift'),
    echo: require('./gen-nodejs/Echo.js'),
    types: require('./gen-nodejs/echo_types.js'),
  };
}

/** Options of a connection or server in a style: the transport and the encoding. */
export function thriftOptions(thrift: ThriftPackage, style: string): object {
  const [transport = '', encoding = ''] = style.split('-');
  return {
    transport: transport === 'framed' ? thrift.TFramedTransport : thrift.TBufferedTransport,
    protocol: encoding === 'compact' ? thrift.TCompactProtocol : thrift.TBinaryProtocol,
  };
}

/** In the order of a server's ports. The library's header transport writes no headers, neither as client nor as server. */
export const thriftStyles = ['framed-binary', 'framed-compact', 'buffered-binary', 'buffered-compact'];
