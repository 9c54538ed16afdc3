// A Dubbo consumer made with dubbo2.js, or its successor apache-dubbo-js in FOLDER: TIMEOUT-MS HASTY-TIMEOUT-MS [FOLDER].
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type EchoService, serveInput } from './caller.ts';

const [timeoutMs = '3000', hastyTimeoutMs = '400', folder] = process.argv.slice(2);

type Answer<T> = Promise<{ res: T; err: Error | null }>;
interface Proxy {
  echo(text: string): Answer<string>;
  delay(text: string, ms: number): Answer<string>;
  fail(message: string): Answer<string>;
  note(token: string): Answer<void>;
  notes(): Answer<string[]>;
  who(): Answer<string>;
}

/** The part of the library that is used here; both have it. */
const { DirectlyDubbo, java }: typeof import('dubbo2.js') = folder
  ? createRequire(join(folder, 'package.json'))('apache-dubbo-js')
  : await import('dubbo2.js');

function proxy(address: string, timeout: number): Proxy {
  const dubbo = DirectlyDubbo.from({
    dubboAddress: address,
    dubboVersion: '2.0.2',
    dubboInvokeTimeout: timeout / 1000 + 1, // its own, in seconds; the frame's comes first
  });
  return dubbo.proxyService<Proxy>({
    dubboInterface: 'mesh.interop.EchoService',
    version: '1.0.0',
    timeout,
    methods: {
      echo: (text: string) => [java.String(text)],
      delay: (text: string, ms: number) => [java.String(text), java.int(ms)],
      fail: (message: string) => [java.String(message)],
      note: (token: string) => [java.String(token)],
      notes: () => [],
      who: () => [],
    },
  });
}

async function unwrap<T>(answer: Answer<T>): Promise<T> {
  const { res, err } = await answer;
  if (err) throw err;
  return res;
}

function open(address: string): EchoService {
  const patient = proxy(address, Number(timeoutMs));
  const hasty = proxy(address, Number(hastyTimeoutMs));
  return {
    echo: (text) => unwrap(patient.echo(text)),
    delay: (text, ms) => unwrap(patient.delay(text, ms)),
    hastyDelay: (text, ms) => unwrap(hasty.delay(text, ms)),
    fail: (message) => unwrap(patient.fail(message)),
    note: (token) => unwrap(patient.note(token)),
    notes: () => unwrap(patient.notes()),
    who: () => unwrap(patient.who()),
  };
}

serveInput(open);
