import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureProgram, runFor } from './install.ts';
import { RunningProcess } from './process.ts';

export interface Nginx {
  binary: string;
  version: string;
}

export async function ensureNginx(): Promise<Nginx> {
  const binary = await ensureProgram('nginx', ['nginx-light']);
  // It prints its version on standard error.
  const said = runFor('nginx', 'sh', ['-c', '"$0" -v 2>&1', binary]);
  return { binary, version: /nginx\/(\S+)/.exec(said)?.[1] ?? '?' };
}

/**
 * Starts nginx as one process, in a folder of its own, with `httpBlock` inside `http { … }`. Files in `files` lie in
 * the folder `html` under its prefix. Resolves when it listens on `port`.
 */
export async function startNginx(
  nginx: Nginx,
  port: number,
  httpBlock: string,
  files: Record<string, string | Buffer> = {},
): Promise<RunningProcess> {
  const prefix = mkdtempSync(join(tmpdir(), 'nginx-'));
  const html = mkdtempSync(join(prefix, 'html-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(html, name), content);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(prefix, kind)};`,
  );
  const configuration = `
daemon off;
master_process off;
pid ${join(prefix, 'pid')};
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  root ${html};
  ${httpBlock}
}
`;
  const file = join(prefix, 'nginx.conf');
  writeFileSync(file, configuration);
  // Without -e the Debian build first tries to open its log under /var/log.
  const running = new RunningProcess({
    name: 'nginx',
    command: nginx.binary,
    args: ['-p', prefix, '-c', file, '-e', 'stderr'],
  });
  running.ended.then(() => rmSync(prefix, { recursive: true, force: true }));
  await running.listening(port);
  return running;
}
