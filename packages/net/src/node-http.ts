/**
 * Node's `http` without what an import of it brings along: an ECMAScript import reads every export, and reading the one
 * for WebSocket loads undici and http2 (16 MB and a third of a small program's start, for nothing). A start-up snapshot
 * cannot hold it at all.
 */
export function nodeHttp(): typeof import('node:http') {
  return process.getBuiltinModule('node:http');
}
