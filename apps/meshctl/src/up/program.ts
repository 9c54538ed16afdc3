import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';

export interface ProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Everything that it prints goes here. */
  readonly logFile: string;
  readonly onLine?: (line: string) => void;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const lastLinesMax = 10;

/** A program of the mesh, in a process group of its own: Ctrl-C reaches only who started it, which stops all in order. */
export class Program {
  readonly name: string;
  readonly ended: Promise<ProgramEnd>;
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  readonly #lastLines: string[] = [];
  readonly #onLine: ((line: string) => void) | undefined;
  #end: ProgramEnd | undefined;
  #unfinished = '';

  constructor({ name, command, args, cwd, env, logFile, onLine }: ProgramOptions) {
    this.name = name;
    this.#onLine = onLine;
    this.#log = createWriteStream(logFile);
    // A full disk costs the log, not the mesh.
    this.#log.on('error', () => {});
    this.#child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#onOutput(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#onOutput(chunk));
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#end ??= { code, signal };
        this.#log.end();
        resolve(this.#end);
      };
      this.#child.once('error', (error) => {
        this.#keep(error.message);
        end(null, null);
      });
      this.#child.once('close', end);
    });
  }

  get running(): boolean {
    return this.#end === undefined;
  }

  /** What it printed last, for when it ended and should not have. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** Asks it to end and makes it after `graceMs`. Whatever it started itself goes with it. */
  async stop(graceMs: number): Promise<void> {
    if (this.running) {
      this.#signal('SIGTERM');
      const timer = setTimeout(() => this.#signal('SIGKILL'), graceMs);
      await this.ended;
      clearTimeout(timer);
    }
    // Its children may have outlived it.
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Nobody is left in the group.
    }
  }

  #onOutput(chunk: Buffer): void {
    this.#log.write(chunk);
    const lines = (this.#unfinished + chunk.toString('utf8')).split('\n');
    this.#unfinished = (lines.pop() ?? '').slice(-1000);
    for (const line of lines) {
      this.#keep(line);
      this.#onLine?.(line);
    }
  }

  #keep(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > lastLinesMax) this.#lastLines.shift();
  }
}
