// A server made with @tars/rpc, which takes Tars and TUP: FOLDER PORT NAME.
import { setTimeout as sleep } from 'node:timers/promises';
import { serveUntilInputEnds } from './caller.ts';
import { loadTars, servant, type TarsCall } from './tars-package.ts';

const [folder = '', port = '0', name = ''] = process.argv.slice(2);
const { rpc, stream } = loadTars(folder);
const refusedCode = 17;
const notes: string[] = [];

/** Every method takes one text (a delay its milliseconds before a space) and answers with one. */
const methods: Record<string, (call: TarsCall, text: string) => string | Promise<string>> = {
  echo: (_call, text) => text,
  async delay(_call, millisAndText) {
    const [ms = '', text = ''] = millisAndText.split(' ');
    await sleep(Number(ms));
    return text;
  },
  fail(_call, message) {
    throw new Error(message);
  },
  note(_call, token) {
    notes.push(token);
    return '';
  },
  notes: () => notes.join(),
  who: () => name,
  context(call, key) {
    const value = call.getContext().get(key) ?? '';
    call.setResponseContext({ [`answered-${key}`]: value });
    return value;
  },
};

/** What the library creates and hands every call to; TUP names the values, Tars numbers them. */
class EchoServant {
  initialize(): void {}

  onDispatch(call: TarsCall, method: string, body: object): number {
    const answer = methods[method];
    if (answer === undefined) return rpc.error.SERVER.FUNC_NOT_FOUND;
    const version = call.getRequestVersion();
    const tup = version === stream.Tup.TUP_SIMPLE || version === stream.Tup.TUP_COMPLEX ? version : undefined;
    void this.#answer(call, answer, body, tup);
    return rpc.error.SUCCESS;
  }

  async #answer(
    call: TarsCall,
    method: (call: TarsCall, text: string) => string | Promise<string>,
    body: object,
    tup: number | undefined,
  ): Promise<void> {
    try {
      const value = await method(call, tup === undefined ? textOf(body) : tupTextOf(body, tup));
      call.doResponse(tup === undefined ? bodyOf(value) : tupBodyOf(value, tup));
    } catch (error) {
      call.sendErrorResponse(refusedCode, (error as Error).message);
    }
  }
}

function textOf(body: object): string {
  return new stream.TarsInputStream(body).readString(1, true);
}

function bodyOf(value: string): object {
  const output = new stream.TarsOutputStream();
  output.writeInt32(0, 0);
  output.writeString(2, value);
  return output.getBinBuffer();
}

function tupTextOf(body: object, version: number): string {
  const attributes = new stream.UniAttribute();
  attributes.tupVersion = version;
  attributes.decode(body);
  return attributes.readString('text');
}

function tupBodyOf(value: string, version: number): object {
  const attributes = new stream.UniAttribute();
  attributes.tupVersion = version;
  attributes.writeInt32('', 0);
  attributes.writeString('value', value);
  return attributes.encode();
}

rpc.server.createServer(EchoServant).start({
  name: `${servant}Adapter`,
  servant,
  endpoint: `tcp -h 127.0.0.1 -p ${port} -t 60000`,
  protocol: 'tars',
  maxconns: 1024,
});
serveUntilInputEnds(Number(port));
