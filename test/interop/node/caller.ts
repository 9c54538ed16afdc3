import { createInterface } from 'node:readline';
import { inspect } from 'node:util';

/** The service of the interop tests (test/interop/java/mesh/interop/EchoService.java) as a client sees it. */
export interface EchoService {
  echo(text: string): Promise<string>;
  delay(text: string, ms: number): Promise<string>;
  /** The same with a short timeout. */
  hastyDelay(text: string, ms: number): Promise<string>;
  fail(message: string): Promise<string>;
  note(token: string): Promise<void>;
  notes(): Promise<string[]>;
  who(): Promise<string>;
  /** The same, carrying a key and its value beside the arguments. */
  whoWith?(key: string, value: string): Promise<string>;
  contextWith?(key: string, value: string): Promise<string>;
}

/**
 * Makes the calls that standard input asks for, as Caller.java does: a line is ID TAB OPERATION TAB ARGUMENT…, the answer is
 * a line of JSON. The program ends with its input.
 */
export function serveInput(service: EchoService): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => answer(service, line.split('\t')));
  lines.on('close', () => process.exit(0));
  console.log(JSON.stringify({ ready: true }));
}

async function answer(service: EchoService, [id, operation, ...words]: string[]): Promise<void> {
  const startedAt = performance.now();
  let result: { value: string } | { error: string };
  try {
    result = { value: String(await call(service, operation ?? '', words)) };
  } catch (error) {
    result = { error: describe(error) };
  }
  console.log(JSON.stringify({ id, ...result, ms: Math.round(performance.now() - startedAt) }));
}

/** Libraries throw Errors, and Java's exceptions as plain objects that hold themselves as their cause. */
function describe(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  const message = (error as { detailMessage?: unknown } | null)?.detailMessage;
  return typeof message === 'string' ? message : inspect(error, { depth: 1 });
}

function call(
  service: EchoService,
  operation: string,
  [first = '', second = '', third = '']: string[],
): Promise<unknown> {
  switch (operation) {
    case 'echo':
      return service.echo(first);
    case 'big':
      return echoBig(service, Number(first));
    case 'delay':
      return service.delay(first, Number(second));
    case 'hastyDelay':
      return service.hastyDelay(first, Number(second));
    case 'fail':
      return service.fail(first);
    case 'note':
      return service.note(first).then(() => 'sent');
    case 'notes':
      return service.notes().then((notes) => notes.join());
    case 'who':
      return service.who();
    case 'many':
      return many(service, first, Number(second), Number(third));
    case 'whoWith':
      if (service.whoWith) return service.whoWith(first, second);
      break;
    case 'contextWith':
      if (service.contextWith) return service.contextWith(first, second);
  }
  return Promise.reject(new Error(`no operation ${operation}`));
}

async function echoBig(service: EchoService, length: number): Promise<number> {
  let text = '';
  for (let i = 0; text.length < length; i++) text += `${i} `;
  text = text.slice(0, length);
  if ((await service.echo(text)) !== text) throw new Error('the text came back changed');
  return length;
}

/** Makes `calls` calls, `width` at a time, each with a token of its own; answers with how many got their own back. */
async function many(service: EchoService, prefix: string, calls: number, width: number): Promise<number> {
  let next = 0;
  let right = 0;
  const lane = async () => {
    while (next < calls) {
      const token = `${prefix}-${next++}`;
      if ((await service.echo(token)) === token) right++;
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return right;
}

/** Says that a server is up and keeps it so until its input ends. */
export function serveUntilInputEnds(port: number): void {
  process.stdin.on('end', () => process.exit(0));
  process.stdin.resume();
  console.log(JSON.stringify({ ready: true, port }));
}

const say = (...words: unknown[]) => console.error(...words);

/** For libraries that insist on a logger: troubles go to standard error, the rest is dropped. */
export const troublesOnly = { debug() {}, info() {}, warn: say, error: say };
