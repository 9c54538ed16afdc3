import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** What a library makes of an address HOST:PORT and one of its ways to call (the usual one when empty). */
export type Opener = (address: string, style: string) => EchoService | Promise<EchoService>;

/**
 * Makes the calls that standard input asks for, as Caller.java does: a line is ID TAB HOST:PORT[/STYLE] TAB OPERATION TAB
 * ARGUMENT…, the answer is a line of JSON. The program ends with its input.
 */
export function serveInput(open: Opener): void {
  const services = new Map<string, Promise<EchoService>>();
  const serviceAt = (target: string) => {
    let service = services.get(target);
    if (service === undefined) {
      const [address = '', style = ''] = target.split('/');
      service = Promise.try(() => open(address, style));
      services.set(target, service);
    }
    return service;
  };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const [id = '', target = '', ...words] = line.split('\t');
    void answer(id, serviceAt(target), words);
  });
  lines.on('close', () => process.exit(0));
  console.log(JSON.stringify({ ready: true }));
}

async function answer(id: string, service: Promise<EchoService>, [operation = '', ...words]: string[]): Promise<void> {
  const startedAt = performance.now();
  let result: { value: string } | { error: string };
  try {
    result = { value: String(await call(await service, operation, words)) };
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
    case 'open':
      return Promise.resolve('opened');
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
    case 'flow':
      return flow(service, first, Number(second), Number(third));
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

/**
 * Calls for so many milliseconds, `width` at a time; answers with how many calls got their own token back, how many another's,
 * how many failed and what the last of those said.
 */
async function flow(service: EchoService, prefix: string, ms: number, width: number): Promise<string> {
  const end = performance.now() + ms;
  let right = 0;
  let crossed = 0;
  let failed = 0;
  let last = '';
  const lane = async (_: unknown, i: number) => {
    for (let n = 0; performance.now() < end; n++) {
      const token = `${prefix}-${i}-${n}`;
      try {
        await sleep(2);
        if ((await service.echo(token)) === token) right++;
        else crossed++;
      } catch (error) {
        failed++;
        last = describe(error);
      }
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return [right, crossed, failed, last].join();
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
