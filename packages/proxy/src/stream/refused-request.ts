import type { Address } from '@sofamesh/base/address';
import type { LogRecord } from '@sofamesh/contract/access-log';
import { type LocalReply, ResponseFlag } from '@sofamesh/contract/message';
import type { Connection } from '@sofamesh/contract/transport';
import type { RewrittenExchange } from './local-replies.ts';

/** What an access log says of a request whose head was refused by the codec: nothing of it can be read. */
export class RefusedRequest implements LogRecord, RewrittenExchange {
  readonly startWallMs: number;
  status: number;
  localReplyBody = '';
  readonly details: string;
  readonly downstream: Connection;
  readonly type = 'DownstreamEnd';
  readonly durationMs = 0;
  readonly request = undefined;
  readonly response = undefined;
  readonly flags = ResponseFlag.downstreamProtocolError;
  readonly routeName = '';
  readonly virtualHost = '';
  readonly bytesReceived = 0;
  bytesSent = 0;
  readonly upstreamServiceMs = -1;
  readonly upstreamCluster = '';
  readonly upstreamHost = '';
  readonly upstreamLocal = '';
  readonly upstreamFailure = '';
  readonly attempts = 0;

  constructor(status: number, details: string, downstream: Connection, startWallMs: number) {
    this.status = status;
    this.details = details;
    this.downstream = downstream;
    this.startWallMs = startWallMs;
  }

  showReply(reply: LocalReply): void {
    this.status = reply.status;
    this.localReplyBody = reply.body;
    this.bytesSent = Buffer.byteLength(reply.body);
  }

  get clientAddress(): Address {
    return this.downstream.remote;
  }
}
