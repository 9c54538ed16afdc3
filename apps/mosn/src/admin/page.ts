/** Structurally what `net`'s HTTP service passes. */
export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

export interface AdminReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One path of the admin server. */
export interface AdminPage {
  readonly path: string;
  /** One line for the list of pages. */
  readonly help: string;
  /** Changes something: by POST only, and not from a page of another site. */
  readonly mutates?: boolean;
  readonly answer: (request: AdminRequest) => AdminReply | Promise<AdminReply>;
}

const plainText = {
  'content-type': 'text/plain; charset=UTF-8',
  'cache-control': 'no-cache, max-age=0',
  'x-content-type-options': 'nosniff',
};
const jsonText = { ...plainText, 'content-type': 'application/json' };

export function text(body: string, status = 200): AdminReply {
  return { status, headers: plainText, body };
}

/** Indented by one space, as Envoy prints JSON. */
export function json(value: unknown, status = 200): AdminReply {
  return { status, headers: jsonText, body: `${JSON.stringify(value, undefined, 1)}\n` };
}

export const ok = (): AdminReply => text('OK\n');

/** A parameter without a value (`?usedonly`) is set. */
export function isSet(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== 'false' && value !== '0' && value !== 'off';
}

/** Parameters of a POST may stand in the address or in the body. */
export function parametersOf({ query, body }: AdminRequest): URLSearchParams {
  return [...query].length > 0 ? query : new URLSearchParams(body.toString('utf8'));
}
