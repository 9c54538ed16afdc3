import { createHash } from 'node:crypto';
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

const messageBytesMax = 16 * 1024 * 1024;
const asIs = (bytes: Buffer) => bytes;

function method(name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/mesh.interop.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

/** The test service: messages are plain bytes, so that clients of all languages need no schema. */
export const echoService = {
  /** The request again; metadata `x-word` and `x-raw-bin` come back as `…-back`, and a trailer `x-end`. */
  Unary: method('Unary', false, false),
  /** Request `CODE MESSAGE`: that status, with a trailer `x-reason`. */
  Fail: method('Fail', false, false),
  /** Never answers; remembers by the request when the caller went away. */
  Hang: method('Hang', false, false),
  /** `1` if the `Hang` with this request has ended, else `0`. */
  Cancelled: method('Cancelled', false, false),
  /** Request `COUNT BYTES`: as many messages, each begins with its number and a blank. */
  Down: method('Down', false, true),
  /** Answers `COUNT SHA256` of all messages. */
  Up: method('Up', true, false),
  /** Every message again. */
  Both: method('Both', true, true),
} satisfies ServiceDefinition;

export interface GrpcServer {
  port: number;
  stop(): void;
}

export async function startGrpcServer(): Promise<GrpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
  });
  server.addService(echoService, implementation());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, stop: () => server.forceShutdown() };
}

function implementation(): UntypedServiceImplementation {
  const gone = new Set<string>();
  const Unary: handleUnaryCall<Buffer, Buffer> = (call, answer) => {
    const header = new Metadata();
    for (const word of call.metadata.get('x-word')) header.add('x-word-back', word);
    for (const raw of call.metadata.get('x-raw-bin')) header.add('x-raw-back-bin', raw);
    call.sendMetadata(header);
    answer(null, call.request, trailer('x-end', 'last'));
  };
  const Fail: handleUnaryCall<Buffer, Buffer> = (call, answer) => {
    const text = call.request.toString();
    const space = text.indexOf(' ');
    const failure = { code: Number(text.slice(0, space)), details: text.slice(space + 1) };
    answer({ ...failure, metadata: trailer('x-reason', 'asked') });
  };
  const Hang: handleUnaryCall<Buffer, Buffer> = (call) => {
    call.once('cancelled', () => gone.add(call.request.toString()));
  };
  const Cancelled: handleUnaryCall<Buffer, Buffer> = (call, answer) => {
    answer(null, Buffer.from(gone.has(call.request.toString()) ? '1' : '0'));
  };
  const Down: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    const [count = 0, bytes = 0] = call.request.toString().split(' ').map(Number);
    for (let n = 0; n < count; n++) call.write(Buffer.from(`${n} `.padEnd(bytes, '.')));
    call.end();
  };
  const Up: handleClientStreamingCall<Buffer, Buffer> = (call, answer: sendUnaryData<Buffer>) => {
    const hash = createHash('sha256');
    let count = 0;
    call.on('data', (message: Buffer) => {
      count++;
      hash.update(message);
    });
    call.on('end', () => answer(null, Buffer.from(`${count} ${hash.digest('hex')}`)));
  };
  const Both: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on('data', (message: Buffer) => call.write(message));
    call.on('end', () => call.end());
  };
  return { Unary, Fail, Hang, Cancelled, Down, Up, Both };
}

function trailer(name: string, value: string): Metadata {
  const metadata = new Metadata();
  metadata.set(name, value);
  return metadata;
}
