import { join } from 'node:path';
import { freePort } from '../../peers/ports.ts';
import { type Launch, RunningProcess } from '../../peers/process.ts';

const nodePrograms = join(import.meta.dirname, '..', 'node');
const answerTimeoutMs = 70_000;
const startTimeoutMs = 90_000;

/** How long a call may take before the client itself gives up, and the same for its hasty calls. */
export const patienceMs = 8_000;
export const hasteMs = 400;
/** The words that every client program starts with. */
export const clientArgs = [String(patienceMs), String(hasteMs)];

export interface Answer {
  value?: string;
  error?: string;
  ms: number;
}

/** How to start one of the programs made with npm's packages. */
export function nodeProgram(file: string, args: string[]): Launch {
  return { name: `npm ${file} ${args[0]}`, command: process.execPath, args: [join(nodePrograms, file), ...args] };
}

export interface RpcServer {
  running: RunningProcess;
  /** Where it listens; most servers use only the first. */
  ports: readonly number[];
}

/** How to start a server that listens on these ports and answers `who` with this name. */
export type ServerLaunch = (ports: readonly number[], name: string) => Launch;

/** Starts a server; `ports` when it has to come back where it was. */
export async function startServer(launch: ServerLaunch, name: string, ports?: readonly number[]): Promise<RpcServer> {
  const at = ports ?? (await freePorts());
  const running = new RunningProcess(launch(at, name));
  await running.printed(/"ready":true/, startTimeoutMs);
  // Not every library says when it listens.
  await running.listening(at[0]!);
  return { running, ports: at };
}

/** As many as any server uses. */
export function freePorts(): Promise<number[]> {
  return Promise.all(Array.from({ length: 6 }, freePort));
}

/** A client program that makes calls when told to, to any number of services. */
export class RpcProgram {
  readonly running: RunningProcess;
  #nextId = 1;
  #waiting = new Map<string, (answer: Answer) => void>();

  private constructor(running: RunningProcess) {
    this.running = running;
    running.onLine((line) => {
      if (!line.startsWith('{"id"')) return;
      const { id, ...answer } = JSON.parse(line) as Answer & { id: string };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  static async start(launch: Launch): Promise<RpcProgram> {
    const program = new RpcProgram(new RunningProcess(launch));
    await program.running.printed(/"ready":true/, startTimeoutMs);
    return program;
  }

  /** The service at an address, called in one of the library's styles (its usual one when empty). */
  at(address: string, style = ''): RpcClient {
    return new RpcClient(this, style ? `${address}/${style}` : address);
  }

  /** What a call came to: a value or the library's own error. */
  async ask(target: string, operation: string, args: readonly (string | number)[]): Promise<Answer> {
    const id = String(this.#nextId++);
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    const ended = this.running.ended.then(() => {
      throw new Error(`${this.running.name} ended before it answered ${operation}\n${this.running.tail()}`);
    });
    ended.catch(() => {}); // Looked at only while a call waits.
    const late = new Promise<never>((_resolve, reject) => {
      const error = () => new Error(`${this.running.name} did not answer ${operation}\n${this.running.tail()}`);
      timer = setTimeout(() => reject(error()), answerTimeoutMs);
    });
    this.running.writeLine([id, target, operation, ...args].join('\t'));
    try {
      return await Promise.race([answered, ended, late]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }
}

/** A service as one client program sees it. */
export class RpcClient {
  readonly program: RpcProgram;
  readonly target: string;

  constructor(program: RpcProgram, target: string) {
    this.program = program;
    this.target = target;
  }

  ask(operation: string, ...args: (string | number)[]): Promise<Answer> {
    return this.program.ask(this.target, operation, args);
  }

  /** The value of a call that has to succeed. */
  async get(operation: string, ...args: (string | number)[]): Promise<string> {
    const answer = await this.ask(operation, ...args);
    if (answer.value === undefined) throw new Error(`${this.#name}: ${operation} failed: ${answer.error}`);
    return answer.value;
  }

  /** The error of a call that has to fail. */
  async failure(operation: string, ...args: (string | number)[]): Promise<{ error: string; ms: number }> {
    const answer = await this.ask(operation, ...args);
    if (answer.error === undefined) throw new Error(`${this.#name}: ${operation} answered ${answer.value}`);
    return { error: answer.error, ms: answer.ms };
  }

  /** Asks until the answer is right. */
  async until(what: string, right: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
    await this.program.running.until(what, right, timeoutMs);
  }

  get #name(): string {
    return `${this.program.running.name} at ${this.target}`;
  }
}
