import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { CodedError, messageOf } from '@sofamesh/base/errors';

/** The system calls that Node has no counterpart of. Each returns -1 on failure, with the reason in {@link Libc.failure}. */
export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  close(fd: number): number;
  setNumber(fd: number, level: number, option: number, value: number): number;
  /** Fills `value` as far as the system has something to say. */
  getOption(fd: number, level: number, option: number, value: Buffer): number;
  /** The system's name of the last failure: `EPERM`. */
  failure(): string;
}

type Koffi = typeof import('koffi');

let loaded: Libc | CodedError | undefined;

/**
 * The C library, through the package koffi, which is loaded when it is asked for the first time. Throws a CodedError
 * `no_libc` where there is none: another system than Linux, or a bundle with no `node_modules/koffi` beside it.
 */
export function libc(): Libc {
  loaded ??= load();
  if (loaded instanceof CodedError) throw loaded;
  return loaded;
}

function load(): Libc | CodedError {
  const refuse = (reason: string) =>
    new CodedError('no_libc', `original destinations and transparent sockets cannot be had: ${reason}`);
  if (process.platform !== 'linux') return refuse(`this is ${process.platform}, they need Linux`);
  try {
    // Not an import: a bundle leaves it out, and what does not ask for it does not pay for it.
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    return bindTo(koffi);
  } catch (thrown) {
    return refuse(`the package koffi cannot be loaded (npm install koffi): ${messageOf(thrown)}`);
  }
}

function bindTo(koffi: Koffi): Libc {
  const library = koffi.load(null);
  const functionOf = (definition: string): ((...values: unknown[]) => number) => {
    const native = library.func(definition) as unknown as (...values: unknown[]) => unknown;
    return (...values) => Number(native(...values));
  };
  const socket = functionOf('int socket(int, int, int)');
  const bind = functionOf('int bind(int, const uint8_t *, uint32_t)');
  const close = functionOf('int close(int)');
  const setsockopt = functionOf('int setsockopt(int, int, int, const int *, uint32_t)');
  const getsockopt = functionOf('int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint32_t *)');
  return {
    socket,
    bind,
    close,
    setNumber: (fd, level, option, value) => setsockopt(fd, level, option, [value], 4),
    getOption: (fd, level, option, value) => getsockopt(fd, level, option, value, [value.length]),
    failure: () => nameOf(koffi.errno()),
  };
}

function nameOf(errno: number): string {
  const found = Object.entries(constants.errno).find(([, number]) => number === errno);
  return found?.[0] ?? `errno ${errno}`;
}
