import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Curl } from '../../peers/curl.ts';

const timeLimitSeconds = '20';

export interface CurlResult {
  /** curl's exit code: 0 well, 18 a reply that broke off, 52 no reply, 56 a reset. */
  exit: number;
  /** Of the last reply; 0 when there was none. */
  status: number;
  /** All heads that came, interim ones first, and trailers after the last. */
  heads: string;
  body: Buffer;
  /** Connections opened by each transfer: 0 for one that found an open connection. */
  connects: number[];
}

/** Runs curl once, with one or several URLs. */
export async function callCurl(curl: Curl, ...args: string[]): Promise<CurlResult> {
  const folder = mkdtempSync(join(tmpdir(), 'curl-'));
  const heads = join(folder, 'heads');
  const common = ['--silent', '--show-error', '--max-time', timeLimitSeconds, '--noproxy', '*', '--dump-header', heads];
  const report = ['--write-out', '%{stderr}\n@%{http_code} %{num_connects}\n'];
  try {
    return await new Promise((resolve) => {
      const options = { encoding: 'buffer' as const, maxBuffer: 64 * 1024 * 1024 };
      execFile(curl.binary, [...common, ...report, ...args], options, (error, stdout, stderr) => {
        const reports = [...stderr.toString().matchAll(/^@(\d+) (\d+)$/gm)];
        resolve({
          exit: error ? Number(error.code) : 0,
          status: Number(reports.at(-1)?.[1] ?? 0),
          heads: readOrEmpty(heads),
          body: stdout,
          connects: reports.map((one) => Number(one[2])),
        });
      });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** The value of a field in `heads`, or undefined. */
export function field(heads: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \t]*(.*?)\r?$`, 'im').exec(heads)?.[1];
}
