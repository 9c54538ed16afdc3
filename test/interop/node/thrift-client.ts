// A client made with npm's thrift: FOLDER TIMEOUT-MS HASTY-TIMEOUT-MS. Styles: thriftStyles.
import { type EchoService, serveInput } from './caller.ts';
import { type EchoClient, loadThrift, thriftOptions } from './thrift-package.ts';

const [folder = '', timeoutMs = '3000', hastyTimeoutMs = '400'] = process.argv.slice(2);
const { thrift, echo } = loadThrift(folder);

/** The library has no timeout for a call, and forgets those that wait on a connection that closes. */
function within<T>(ms: string, answer: Promise<T>, lost: Promise<never>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), Number(ms));
  });
  return Promise.race([answer, lost, late]).finally(() => clearTimeout(timer));
}

function open(address: string, style: string): EchoService {
  const [host = '', port = ''] = address.split(':');
  const connection = thrift.createConnection(host, Number(port), thriftOptions(thrift, style));
  const client: EchoClient = thrift.createClient(echo, connection);
  const lost = new Promise<never>((_resolve, reject) => {
    connection.on('error', reject);
    connection.on('close', () => reject(new Error('connection closed')));
  });
  lost.catch(() => {}); // Looked at only while a call waits.
  const patient = <T>(answer: Promise<T>) => within(timeoutMs, answer, lost);
  return {
    echo: (text) => patient(client.echo(text)),
    delay: (text, ms) => patient(client.delay(text, ms)),
    hastyDelay: (text, ms) => within(hastyTimeoutMs, client.delay(text, ms), lost),
    fail: (message) => patient(client.fail(message)),
    // Nothing tells when it has been sent.
    note: async (token) => void client.note(token),
    notes: () => patient(client.notes()),
    who: () => patient(client.who()),
  };
}

serveInput(open);
