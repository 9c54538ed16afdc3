import { CodedError, messageOf } from '@sofamesh/base/errors';
import { limitMemory } from './limit-memory.ts';
import { limitSteps, stepsExport } from './limit-steps.ts';

// Node has WebAssembly; the types of the language alone do not.
export type WasmModule = object;

interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
interface WasmVariable {
  value: number;
}
type WasmFunction = (...args: number[]) => number;
type WasmExports = Readonly<Record<string, unknown>>;

interface WasmApi {
  readonly Module: {
    new (bytes: Uint8Array): WasmModule;
    exports(module: WasmModule): { readonly name: string; readonly kind: string }[];
    imports(module: WasmModule): { readonly module: string; readonly name: string; readonly kind: string }[];
  };
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: WasmExports };
  readonly Memory: new (...args: never[]) => WasmMemory;
}

const wasm = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;

/** What a guest may answer a call with. */
export const done = 0;
export const needMoreBytes = 99;

/** Numbers of the buffers that a guest hands over: what was decoded, and what was encoded. */
export const decodeBuffer = 13;
export const encodeBuffer = 14;

const required = ['proxy_decode_buffer_bytes', 'proxy_encode_buffer_bytes'] as const;
const optional = [
  'proxy_detect_buffer_bytes',
  'proxy_keepalive_buffer_bytes',
  'proxy_reply_keepalive_buffer_bytes',
  'proxy_hijack_buffer_bytes',
] as const;
/** What it may import, all from `env`. */
const offered = ['proxy_set_buffer_bytes', 'proxy_log', 'abort'] as const;
const allocators = ['proxy_on_memory_allocate', 'malloc'] as const;

export type GuestCall = (typeof required)[number] | (typeof optional)[number];

/** Steps ({@link limitSteps}) that a guest may take while it is started. */
const startStepsMax = 268_435_456;
/** Steps of one call, and more for each byte that it is given: an endless loop ends after some hundredths of a second. */
const callStepsMax = 4_194_304;
const stepsPerByteMax = 64;
/** Of a line of its log, which costs more than a round of a loop. */
const stepsPerLogLine = 4096;
/** What fits into the count. */
const stepsCountable = 2 ** 31 - 1;

/**
 * Compiles a module with limits on its memory (`pagesMax` pages of 64 KiB) and its time, and says why it cannot be a
 * codec. Throws `bad_wasm`.
 */
export function compileGuest(bytes: Buffer, pagesMax: number): WasmModule {
  const limitedMemory = limitMemory(bytes, pagesMax);
  // What is said of a module should be about the one that its author knows.
  checkGuest(compile(limitedMemory));
  return compile(limitSteps(limitedMemory, startStepsMax));
}

function compile(bytes: Buffer): WasmModule {
  try {
    return new wasm.Module(bytes);
  } catch (thrown) {
    throw new CodedError('bad_wasm', messageOf(thrown), { cause: thrown });
  }
}

function checkGuest(module: WasmModule): void {
  const functions = new Set(wasm.Module.exports(module).flatMap(({ name, kind }) => (kind === 'function' ? name : [])));
  for (const name of required)
    if (!functions.has(name)) throw new CodedError('bad_wasm', `exports no function ${name}`);
  if (!allocators.some((name) => functions.has(name))) {
    throw new CodedError('bad_wasm', `exports no function ${allocators.join(' or ')}`);
  }
  for (const { module: from, name, kind } of wasm.Module.imports(module)) {
    if (from !== 'env' || kind !== 'function' || !(offered as readonly string[]).includes(name)) {
      throw new CodedError('bad_wasm', `imports ${kind} ${from}.${name}, which is not there`);
    }
  }
}

/** Bytes of the first input buffer. */
const inputBytesMin = 4096;
/** Of one message of a guest that are logged. */
const logBytesMax = 1024;

/**
 * One instance of a codec's module. It serves all connections of its thread, one call after the other. The guest's memory
 * holds one buffer of ours for what it is to read, which is used again for every call.
 */
export class Guest {
  readonly #exports: WasmExports;
  readonly #memory: WasmMemory;
  readonly #stepsLeft: WasmVariable;
  readonly #log: (text: string) => void;
  #input = 0;
  #inputBytes = 0;
  #output: Buffer | undefined;
  #outputNumber = 0;

  /** `module`: of {@link compileGuest}. Throws `bad_wasm`. */
  constructor(module: WasmModule, log: (text: string) => void) {
    this.#log = log;
    try {
      this.#exports = new wasm.Instance(module, { env: this.#imports() }).exports;
    } catch (thrown) {
      throw new CodedError('bad_wasm', `cannot be started: ${messageOf(thrown)}`, { cause: thrown });
    }
    const { memory, _initialize: initialize } = this.#exports;
    if (!(memory instanceof wasm.Memory)) throw new CodedError('bad_wasm', 'exports no memory');
    this.#memory = memory;
    this.#stepsLeft = this.#exports[stepsExport] as WasmVariable;
    if (typeof initialize === 'function') this.#run('_initialize', [], startStepsMax);
  }

  has(name: GuestCall): boolean {
    return typeof this.#exports[name] === 'function';
  }

  /**
   * Gives the guest the parts, one behind the other, and returns its answer; {@link take} has the buffer that it handed over.
   * Throws `wasm_trap` when it trapped: its state is then unknown and it must not be called again.
   */
  call(name: GuestCall, ...parts: readonly Uint8Array[]): number {
    let length = 0;
    for (const part of parts) length += part.length;
    this.#reserve(length);
    const memory = new Uint8Array(this.#memory.buffer);
    let at = this.#input;
    for (const part of parts) {
      memory.set(part, at);
      at += part.length;
    }
    this.#output = undefined;
    return this.#run(name, [this.#input, length], callStepsMax + stepsPerByteMax * length);
  }

  /** A copy of what the guest handed over in its last call under this number; undefined: nothing. */
  take(number: number): Buffer | undefined {
    const output = this.#outputNumber === number ? this.#output : undefined;
    this.#output = undefined;
    return output;
  }

  #imports(): Readonly<Record<(typeof offered)[number], (...args: number[]) => number>> {
    return {
      // Numbers two and three say what of the buffer to replace: always all.
      proxy_set_buffer_bytes: (number = 0, _start, _max, at = 0, length = 0) => {
        this.#output = Buffer.from(this.#slice(at, length));
        this.#spend(this.#output.length >>> 6);
        this.#outputNumber = number;
        return done;
      },
      proxy_log: (_level, at = 0, length = 0) => {
        this.#spend(stepsPerLogLine);
        this.#log(Buffer.from(this.#slice(at, Math.min(length, logBytesMax))).toString('utf8'));
        return done;
      },
      // AssemblyScript calls it when an assertion fails.
      abort: () => {
        throw new CodedError('wasm_trap', 'the guest gave up (abort)');
      },
    };
  }

  #reserve(length: number): void {
    if (this.#input !== 0 && length <= this.#inputBytes) return;
    const bytes = Math.max(length, this.#inputBytes * 2, inputBytesMin);
    const allocator = allocators.find((name) => typeof this.#exports[name] === 'function')!;
    const at = this.#run(allocator, [bytes], callStepsMax + bytes) >>> 0;
    if (at === 0 || at + bytes > this.#memory.buffer.byteLength) {
      throw new CodedError('wasm_trap', `${allocator}: no memory for ${bytes} bytes`);
    }
    this.#input = at;
    this.#inputBytes = bytes;
  }

  #slice(at: number, length: number): Uint8Array {
    const start = at >>> 0;
    const bytes = length >>> 0;
    const { buffer } = this.#memory;
    if (start + bytes > buffer.byteLength) throw new CodedError('wasm_trap', 'points outside of its memory');
    return new Uint8Array(buffer, start, bytes);
  }

  /** What is below zero ends the guest at its next step. */
  #spend(steps: number): void {
    // While the module starts there is no variable yet.
    if (this.#stepsLeft !== undefined) this.#stepsLeft.value -= steps;
  }

  #run(name: string, args: readonly number[], steps: number): number {
    const stepsLeft = this.#stepsLeft;
    const allowed = Math.min(steps, stepsCountable);
    stepsLeft.value = allowed;
    try {
      return (this.#exports[name] as WasmFunction)(...args);
    } catch (thrown) {
      const reason = stepsLeft.value < 0 ? `not done after ${allowed} steps` : messageOf(thrown);
      throw new CodedError('wasm_trap', `${name}: ${reason}`, { cause: thrown });
    }
  }
}
