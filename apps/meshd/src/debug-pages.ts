import type { HttpServiceRequest, HttpServiceResponse } from '@sofamesh/net/http-service';

/** What the debug pages show; `program.ts` joins it. */
export interface DebugSources {
  ready(): boolean;
  metrics(): Promise<string>;
  version(): string;
  /** JSON values of `/debug/NAME`, made when somebody asks. Undefined: 404 with `missing`. */
  readonly pages: Readonly<Record<string, DebugPage>>;
}

export interface DebugPage {
  readonly title: string;
  value(query: URLSearchParams): unknown;
  /** What is said when there is no value. */
  readonly missing?: string;
}

const text = { 'content-type': 'text/plain; charset=utf-8' };
const json = { 'content-type': 'application/json' };

/** `/ready`, `/metrics`, `/version` and `/debug/…`: names as istiod has them. */
export async function answerDebug(
  { method, path, query }: HttpServiceRequest,
  sources: DebugSources,
): Promise<HttpServiceResponse> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: text, body: 'only GET\n' };
  switch (path) {
    case '/':
    case '/debug':
    case '/debug/':
      return { status: 200, headers: text, body: listOf(sources) };
    case '/ready':
      return sources.ready()
        ? { status: 200, headers: text, body: 'ready\n' }
        : { status: 503, headers: text, body: 'the resources are not read yet\n' };
    case '/metrics':
      return {
        status: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        body: await sources.metrics(),
      };
    case '/version':
      return { status: 200, headers: text, body: `${sources.version()}\n` };
    default: {
      const name = path.startsWith('/debug/') ? path.slice('/debug/'.length) : '';
      const page = Object.hasOwn(sources.pages, name) ? sources.pages[name] : undefined;
      if (page === undefined) return { status: 404, headers: text, body: `there is no ${path}\n\n${listOf(sources)}` };
      const value = page.value(query);
      if (value === undefined) return { status: 404, headers: text, body: `${page.missing ?? 'nothing'}\n` };
      return { status: 200, headers: json, body: `${JSON.stringify(value, plain, 2)}\n` };
    }
  }
}

function listOf({ pages }: DebugSources): string {
  const debug = Object.entries(pages).map(([name, { title }]) => [`/debug/${name}`, title] as const);
  const all = [['/ready', 'is it ready'], ['/metrics', 'metrics'], ['/version', 'version'], ...debug] as const;
  return all.map(([path, title]) => `${path.padEnd(28)}${title}\n`).join('');
}

/** What JSON has no form for. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Set) return [...value];
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}
