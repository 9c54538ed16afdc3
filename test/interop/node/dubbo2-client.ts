// A Dubbo consumer made with dubbo2.js: HOST:PORT TIMEOUT-MS HASTY-TIMEOUT-MS.
import { DirectlyDubbo, java } from 'dubbo2.js';
import { type EchoService, serveInput } from './caller.ts';

const [address = '', timeoutMs = '3000', hastyTimeoutMs = '400'] = process.argv.slice(2);

type Answer<T> = Promise<{ res: T; err: Error | null }>;
interface Proxy {
  echo(text: string): Answer<string>;
  delay(text: string, ms: number): Answer<string>;
  fail(message: string): Answer<string>;
  note(token: string): Answer<void>;
  notes(): Answer<string[]>;
  who(): Answer<string>;
}

function proxy(timeout: number): Proxy {
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

const patient = proxy(Number(timeoutMs));
const hasty = proxy(Number(hastyTimeoutMs));
const service: EchoService = {
  echo: (text) => unwrap(patient.echo(text)),
  delay: (text, ms) => unwrap(patient.delay(text, ms)),
  hastyDelay: (text, ms) => unwrap(hasty.delay(text, ms)),
  fail: (message) => unwrap(patient.fail(message)),
  note: (token) => unwrap(patient.note(token)),
  notes: () => unwrap(patient.notes()),
  who: () => unwrap(patient.who()),
};
serveInput(service);
