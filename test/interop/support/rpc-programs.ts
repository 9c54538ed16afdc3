import { join } from 'node:path';
import { ensureDubbo, ensureSofaRpc, type JavaPeer } from '../../peers/java.ts';
import type { Found } from '../../peers/peer.ts';
import { requirePeers } from '../../peers/peer.ts';
import { freePort } from '../../peers/ports.ts';
import { type Launch, RunningProcess } from '../../peers/process.ts';

const nodePrograms = join(import.meta.dirname, '..', 'node');
const answerTimeoutMs = 70_000;

export type RpcProtocol = 'bolt' | 'dubbo';
/** Whose library a program is made with; npm2 is dubbo2.js, npm is sofa-rpc-node with the protocol's package. */
export type Maker = 'java' | 'npm' | 'npm2';

/** How long a call may take before the client itself gives up, and the same for its hasty calls. */
export const patienceMs = 5_000;
export const hasteMs = 400;

export interface Answer {
  value?: string;
  error?: string;
  ms: number;
}

/** The programs of one protocol, in Java and from npm. */
export class RpcPrograms {
  readonly protocol: RpcProtocol;
  #java: JavaPeer;

  constructor(protocol: RpcProtocol, java: JavaPeer) {
    this.protocol = protocol;
    this.#java = java;
  }

  /** Starts a server; `port` when it has to come back where it was. */
  async server(maker: Maker, name: string = maker, port?: number): Promise<RpcServer> {
    const at = port ?? (await freePort());
    const java = this.protocol === 'bolt' ? 'SofaServer' : 'DubboProvider';
    const launch =
      maker === 'java'
        ? this.#java.launch(java, [String(at), name])
        : nodeProgram('rpc-server.ts', [this.protocol, String(at), name]);
    const running = new RunningProcess(launch);
    await running.printed(/"ready":true/, 60_000);
    return { running, port: at };
  }

  /** Starts a client; `heartbeatMs` is Java's alone. */
  async client(maker: Maker, address: string, heartbeatMs?: number): Promise<RpcClient> {
    const running = new RunningProcess(this.#clientLaunch(maker, address, heartbeatMs));
    const client = new RpcClient(running);
    await running.printed(/"ready":true/, 60_000);
    return client;
  }

  #clientLaunch(maker: Maker, address: string, heartbeatMs?: number): Launch {
    const args = [address, String(patienceMs), String(hasteMs)];
    if (maker === 'npm2') return nodeProgram('dubbo2-client.ts', args);
    if (maker === 'npm') return nodeProgram('rpc-client.ts', [this.protocol, ...args]);
    const beat = heartbeatMs === undefined ? [] : [String(heartbeatMs)];
    if (this.protocol === 'dubbo') return this.#java.launch('DubboConsumer', [...args, ...beat]);
    return this.#java.launch(
      'SofaClient',
      args,
      beat.map((ms) => `-Dbolt.tcp.heartbeat.interval=${ms}`),
    );
  }
}

/** How to start one of the programs made with npm's packages. */
export function nodeProgram(file: string, args: string[]): Launch {
  return { name: `npm ${file} ${args[0]}`, command: process.execPath, args: [join(nodePrograms, file), ...args] };
}

export interface RpcServer {
  running: RunningProcess;
  port: number;
}

/** A client program that makes calls when told to. */
export class RpcClient {
  readonly running: RunningProcess;
  #nextId = 1;
  #waiting = new Map<string, (answer: Answer) => void>();

  constructor(running: RunningProcess) {
    this.running = running;
    running.onLine((line) => {
      if (!line.startsWith('{"id"')) return;
      const { id, ...answer } = JSON.parse(line) as Answer & { id: string };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  /** What a call came to: a value or the library's own error. */
  async ask(operation: string, ...args: (string | number)[]): Promise<Answer> {
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
    this.running.writeLine([id, operation, ...args].join('\t'));
    try {
      return await Promise.race([answered, ended, late]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** The value of a call that has to succeed. */
  async get(operation: string, ...args: (string | number)[]): Promise<string> {
    const answer = await this.ask(operation, ...args);
    if (answer.value === undefined) throw new Error(`${this.running.name}: ${operation} failed: ${answer.error}`);
    return answer.value;
  }

  /** The error of a call that has to fail. */
  async failure(operation: string, ...args: (string | number)[]): Promise<{ error: string; ms: number }> {
    const answer = await this.ask(operation, ...args);
    if (answer.error === undefined) throw new Error(`${this.running.name}: ${operation} answered ${answer.value}`);
    return { error: answer.error, ms: answer.ms };
  }
}

/** Finds what the protocol's programs need. */
export async function findRpcPrograms(protocol: RpcProtocol): Promise<Found<{ java: JavaPeer }>> {
  return requirePeers({ java: protocol === 'bolt' ? ensureSofaRpc : ensureDubbo });
}
