import type { Headers, LocalReply } from '@sofamesh/contract/message';

/** `application/grpc`, also with a message format: `application/grpc+proto`. */
export function isGrpc(headers: Headers): boolean {
  const type = headers.get('content-type');
  if (type === undefined || !type.startsWith(contentType)) return false;
  return type.length === contentType.length || type[contentType.length] === '+';
}

const contentType = 'application/grpc';

const ofHttp: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** gRPC status that stands for an HTTP one (Envoy's and gRPC's map). */
export function grpcStatusOfHttp(status: number): number {
  return ofHttp[status] ?? 2;
}

/** HTTP statuses of gRPC's from OK on, as Envoy's outlier detection and statistics see them. */
const toHttp = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

/** HTTP status that stands for a gRPC one. */
export function httpStatusOfGrpc(status: number): number {
  return toHttp[status] ?? 500;
}

/** gRPC status of an answer or its trailers; undefined when it has none. */
export function grpcStatusOf(headers: Headers | undefined): number | undefined {
  const text = headers?.get('grpc-status');
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}

/** HTTP status that stands for a gRPC answer, by its trailers or its only head; `status` where these do not say. */
export function statusOfGrpcAnswer(headers: Headers, status: number): number {
  const grpcStatus = grpcStatusOf(headers);
  return grpcStatus === undefined ? status : httpStatusOfGrpc(grpcStatus);
}

/** The same answer as a gRPC client reads it: status and text in a head without a body. */
export function grpcReply(reply: LocalReply): LocalReply {
  const status = reply.grpcStatus ?? grpcStatusOfHttp(reply.status);
  const headers: (readonly [string, string])[] = (reply.headers ?? []).filter(([name]) => name !== 'content-type');
  headers.push(['content-type', contentType], ['grpc-status', String(status)]);
  if (reply.body !== '') headers.push(['grpc-message', encodeMessage(reply.body)]);
  return { ...reply, status: 200, body: '', headers };
}

/** Percent-encoded but for visible ASCII (gRPC over HTTP/2, Status-Message). */
function encodeMessage(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\x20-\x24\x26-\x7e]/gu, (character) =>
      character < '\x80'
        ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
        : encodeURIComponent(character),
    );
}

const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a `grpc-timeout`; undefined when there is none that can be read. */
export function grpcTimeoutMs(headers: Headers): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(headers.get('grpc-timeout') ?? '');
  return match === null ? undefined : Number(match[1]) * unitsMs[match[2]!]!;
}

/** A caller that would wait for longer than `limitMs`, or for ever, tells the upstream that it does not. */
export function lowerGrpcTimeout(headers: Headers, limitMs: number): void {
  const askedMs = grpcTimeoutMs(headers);
  if (askedMs !== undefined && askedMs > 0 && askedMs <= limitMs) return;
  let amount = Math.max(Math.ceil(limitMs), 1);
  let unit = 'm';
  for (const [next, ratio] of coarser) {
    if (amount <= largestAmount) break;
    amount = Math.ceil(amount / ratio);
    unit = next;
  }
  headers.set('grpc-timeout', `${Math.min(amount, largestAmount)}${unit}`);
}

/** Eight digits is all that the header has room for. */
const largestAmount = 99_999_999;
const coarser: readonly (readonly [unit: string, ratio: number])[] = [
  ['S', 1000],
  ['M', 60],
  ['H', 60],
];
