import { type AdminPage, type AdminReply, type AdminRequest, text } from './page.ts';

/** Finds the page for a request. The admin server has no authentication, as Envoy's: it belongs on a local address. */
export class Admin {
  readonly #pages: ReadonlyMap<string, AdminPage>;

  constructor(pages: readonly AdminPage[]) {
    const list: AdminPage = { path: '/', help: 'this list', answer: () => text(this.help()) };
    const help: AdminPage = { path: '/help', help: 'this list', answer: () => text(this.help()) };
    this.#pages = new Map([list, help, ...pages].map((page) => [page.path, page]));
  }

  help(): string {
    const pages = [...this.#pages.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
    const lines = pages.map(({ path, help, mutates }) => `  ${path}${mutates ? ' (POST)' : ''}: ${help}\n`);
    return `admin commands are:\n${lines.join('')}`;
  }

  async answer(request: AdminRequest): Promise<AdminReply> {
    const page = this.#pages.get(request.path);
    if (page === undefined) return text(`invalid path. ${this.help()}`, 404);
    const wanted = page.mutates === true ? ['POST'] : ['GET', 'HEAD'];
    if (!wanted.includes(request.method)) {
      const reply = text('Method Not Allowed\n', 405);
      return { ...reply, headers: { ...reply.headers, allow: wanted.join(', ') } };
    }
    // Only browsers send an origin, and only for a page that somebody else's script asks for.
    if (page.mutates === true && request.headers['origin'] !== undefined) {
      return text('Forbidden: requests of web pages must not change anything\n', 403);
    }
    return page.answer(request);
  }
}
