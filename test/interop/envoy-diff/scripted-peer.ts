import type { Socket } from 'node:net';
import type { Step } from './case.ts';

/** One end of a connection: does its steps, keeps what it receives, and how the other end left. */
export class ScriptedPeer {
  readonly socket: Socket;
  received = '';
  /** How the proxy ended the connection. */
  ended: 'kept' | 'FIN' | 'RST' = 'kept';
  readonly #changed: () => void;
  #waiting: (() => void) | undefined = undefined;

  /** `changed` is called whenever something was received or the connection ended. */
  constructor(socket: Socket, changed: () => void) {
    this.socket = socket;
    this.#changed = changed;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#tell();
    });
    socket.on('end', () => this.#end('FIN'));
    socket.on('error', () => this.#end('RST'));
    socket.on('close', () => this.#tell());
  }

  async perform(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (this.socket.destroyed) return;
      if (step === 'FIN') this.socket.end();
      else if (step === 'RST') this.socket.resetAndDestroy();
      else if (typeof step === 'string') this.socket.write(step, 'latin1');
      else if ('waitMs' in step) await new Promise((resolve) => setTimeout(resolve, step.waitMs));
      else await this.#until(() => this.received.includes(step.until));
    }
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached() && !this.socket.destroyed && this.ended === 'kept') {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  #end(how: 'FIN' | 'RST'): void {
    if (this.ended === 'kept') this.ended = how;
    this.#tell();
  }

  #tell(): void {
    this.#waiting?.();
    this.#changed();
  }
}
