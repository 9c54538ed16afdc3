import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 20;
const outputCharsMax = 1_000_000;
const running = new Set<RunningProcess>();

export interface Launch {
  /** Stands in error messages. */
  name: string;
  command: string;
  args: readonly string[];
  cwd?: string;
  env?: Record<string, string>;
}

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A program that was started for a test: its output is kept, and it does not outlive this process. */
export class RunningProcess {
  readonly name: string;
  readonly ended: Promise<Ending>;
  #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #output = '';
  #ending: Ending | undefined;
  #lineListeners = new Set<(line: string) => void>();

  constructor(launch: Launch) {
    this.name = launch.name;
    // A group of its own, so that whatever it starts in turn is stopped with it.
    this.#child = spawn(launch.command, launch.args, {
      cwd: launch.cwd,
      env: { ...process.env, ...launch.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child.stdin.on('error', () => {}); // A peer that died; `ended` tells.
    this.#follow(this.#child.stdout);
    this.#follow(this.#child.stderr);
    running.add(this);
    this.ended = new Promise((resolve) => {
      const end = (ending: Ending) => {
        this.#ending = ending;
        running.delete(this);
        resolve(ending);
      };
      this.#child.once('error', (error) => {
        this.#output += `${error.message}\n`;
        end({ code: null, signal: null });
      });
      this.#child.once('close', (code, signal) => end({ code, signal }));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Standard output and standard error as they came, the latest million characters. */
  get output(): string {
    return this.#output;
  }

  get alive(): boolean {
    return this.#ending === undefined;
  }

  writeLine(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Calls back with every line that it prints from now on; returns how to stop that. */
  onLine(listener: (line: string) => void): () => void {
    this.#lineListeners.add(listener);
    return () => this.#lineListeners.delete(listener);
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.alive || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // It ended between the look and the kill.
    }
  }

  /** Asks it to end, insists after `graceMs`, and waits until it has. */
  async stop(graceMs = 3_000): Promise<Ending> {
    this.signal('SIGTERM');
    const insist = setTimeout(() => this.signal('SIGKILL'), graceMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(insist);
    }
  }

  /** Ends it at once, without a chance to say goodbye to anybody. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Waits until `condition` returns something other than undefined or false. Fails at once when the program ends. */
  async until<T>(what: string, condition: () => T | Promise<T>, timeoutMs = 20_000): Promise<NonNullable<T>> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
      if (!this.alive) throw new Error(`${this.name} ended (${this.#describeEnding()}) before ${what}\n${this.tail()}`);
      if (Date.now() > deadline) throw new Error(`${this.name}: not ${what} within ${timeoutMs} ms\n${this.tail()}`);
      await sleep(pollMs);
    }
  }

  /** Waits for a line, printed before or after the call, that matches. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray> {
    return this.until(`printed ${pattern}`, () => pattern.exec(this.#output) ?? undefined, timeoutMs);
  }

  listening(port: number, host = '127.0.0.1', timeoutMs?: number): Promise<true> {
    return this.until(`listening on ${host}:${port}`, () => accepts(port, host), timeoutMs) as Promise<true>;
  }

  tail(lines = 30): string {
    return this.#output.trimEnd().split('\n').slice(-lines).join('\n');
  }

  #describeEnding(): string {
    return this.#ending?.signal ?? `exit ${this.#ending?.code ?? '?'}`;
  }

  #follow(stream: Readable): void {
    let unfinished = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-outputCharsMax);
      const lines = (unfinished + text).split('\n');
      unfinished = lines.pop() ?? '';
      for (const line of lines) for (const listener of this.#lineListeners) listener(line);
    });
  }
}

/** True when a connection to the port is accepted; it is closed at once. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function killAll(): void {
  for (const one of running) one.signal('SIGKILL');
}

// However this process ends, short of being killed itself, what it started ends with it.
process.once('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    killAll();
    process.exit(1);
  });
