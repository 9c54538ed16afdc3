import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Command lines of the processes that have to do with a folder: it stands in their arguments, or they work in it. */
export function processesOf(folder: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const where = readlinkSync(`/proc/${pid}/cwd`);
      if (command !== '' && (command.includes(folder) || where.startsWith(folder))) found.push(`${pid} ${command}`);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** `127.1.2.3:9080` of every IPv4 socket that listens on this machine. */
export function listeningAddresses(): string[] {
  const listening = '0A';
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === listening)
    .map(([, local = '']) => {
      const [host = '', port = ''] = local.split(':');
      const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(host.slice(at, at + 2), 16));
      return `${bytes.join('.')}:${Number.parseInt(port, 16)}`;
    });
}
