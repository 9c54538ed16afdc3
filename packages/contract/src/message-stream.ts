/**
 * A two-way stream of byte messages: what xDS needs of gRPC. grpc-js implements it for real; the simulated world has a
 * twin in memory.
 */
export interface MessageStream {
  /** False: the peer does not keep up; `onWritable` tells when it does. The message is sent all the same. */
  send(message: Uint8Array): boolean;
  /** Ends this side; with a status on a server. */
  close(status?: StreamStatus): void;
  /** For logs: `127.0.0.1:4711`. */
  readonly peer: string;
}

export interface MessageStreamHandler {
  onMessage(message: Uint8Array): void;
  onWritable?(): void;
  /** The last call, once. */
  onClose(status: StreamStatus): void;
}

/** gRPC status. */
export interface StreamStatus {
  readonly code: number;
  readonly message: string;
}

/** Client side: one per control plane. */
export interface MessageStreamDialer {
  /** `method`: `/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources`. Returns at once. */
  open(method: string, handler: MessageStreamHandler): MessageStream;
  close(): void;
}

/** Server side. */
export interface MessageStreamServer {
  /** Registers what happens with a new stream; before {@link listen}. */
  handle(method: string, accept: (stream: MessageStream) => MessageStreamHandler): void;
  listen(address: string): Promise<{ readonly port: number }>;
  /** Closes streams with UNAVAILABLE after `graceMs`. */
  close(graceMs: number): Promise<void>;
}
