const frameHeadBytes = 5;
const trailersFlag = 0x80;
const callTimeoutMs = 10_000;

export interface GrpcWebAnswer {
  status: number;
  contentType: string;
  messages: Buffer[];
  /** From the body's last frame, or from the head when there is none. */
  trailers: Record<string, string>;
}

/** One gRPC-Web call with fetch, as a browser makes it. */
export async function grpcWebCall(
  address: string,
  path: string,
  message: Buffer,
  { text = false }: { text?: boolean } = {},
): Promise<GrpcWebAnswer> {
  const type = `application/grpc-web${text ? '-text' : ''}+proto`;
  const frame = Buffer.concat([head(message.length), message]);
  const response = await fetch(`http://${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': type, accept: type, 'x-grpc-web': '1' },
    body: text ? frame.toString('base64') : new Uint8Array(frame),
    signal: AbortSignal.timeout(callTimeoutMs),
  });
  const body = Buffer.from(await response.arrayBuffer());
  const fromHead: Record<string, string> = {};
  for (const name of ['grpc-status', 'grpc-message']) {
    const value = response.headers.get(name);
    if (value !== null) fromHead[name] = value;
  }
  const { messages, trailers } = readFrames(text ? decodeText(body.toString('latin1')) : body);
  const contentType = response.headers.get('content-type') ?? '';
  return { status: response.status, contentType, messages, trailers: trailers ?? fromHead };
}

function head(length: number): Buffer {
  const bytes = Buffer.alloc(frameHeadBytes);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** Pieces that were encoded by themselves stand behind each other, each with its padding. */
function decodeText(text: string): Buffer {
  const pieces = text.match(/[A-Za-z0-9+/]+={0,2}/g) ?? [];
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
}

function readFrames(bytes: Buffer): { messages: Buffer[]; trailers: Record<string, string> | undefined } {
  const messages: Buffer[] = [];
  let trailers: Record<string, string> | undefined;
  for (let at = 0; at < bytes.length; ) {
    if (at + frameHeadBytes > bytes.length) throw new Error('the body ends in the head of a frame');
    if (trailers !== undefined) throw new Error('a frame behind the trailers');
    const start = at + frameHeadBytes;
    const end = start + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) throw new Error('the body ends in a frame');
    const payload = bytes.subarray(start, end);
    if (bytes[at] === trailersFlag) trailers = readTrailers(payload.toString('latin1'));
    else messages.push(payload);
    at = end;
  }
  return { messages, trailers };
}

function readTrailers(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}
