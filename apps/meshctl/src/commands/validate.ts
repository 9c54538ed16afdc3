import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@sofamesh/base/errors';
import { type Finding, formatFinding } from '@sofamesh/model/finding';
import { readText } from '@sofamesh/model/read';
import { protocolNames } from '../catalogue.gen.ts';
import { type Output, type OutputFormat, paint, print } from '../output.ts';

const xProtocols = new Set(protocolNames);

/** Checks files and folders as meshd would read them; 1 when there are errors. */
export function validate(paths: readonly string[], format: OutputFormat, output: Output): number {
  const findings: Finding[] = [];
  let objects = 0;
  for (const file of paths.flatMap((path) => filesOf(path, findings))) {
    try {
      const read = readText(file, readFileSync(file, 'utf8'), { xProtocols });
      objects += read.objects.length;
      findings.push(...read.findings);
    } catch (thrown) {
      findings.push(unreadable(file, thrown));
    }
  }
  const errors = findings.filter(({ level }) => level === 'error').length;
  print(output, format, { valid: errors === 0, objects, findings }, () => [
    ...findings.map((finding) => paint(finding.level === 'error' ? 'red' : 'yellow', formatFinding(finding))),
    `${objects} objects, ${errors} errors, ${findings.length - errors} warnings`,
  ]);
  return errors === 0 ? 0 : 1;
}

function filesOf(path: string, findings: Finding[]): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ya?ml|json)$/.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch (thrown) {
    findings.push(unreadable(path, thrown));
    return [];
  }
}

function unreadable(file: string, thrown: unknown): Finding {
  return { level: 'error', file, line: 1, column: 1, path: '', value: '', reason: messageOf(thrown) };
}
