import type { Finding } from './finding.ts';
import type { ValidationContext } from './kind.ts';
import { type DocumentReading, readChunk } from './read/document.ts';
import { DOCUMENTS_PER_FILE_MAX, FILE_BYTES_MAX, FINDINGS_PER_FILE_MAX } from './read/limits.ts';
import { splitDocuments } from './read/split.ts';

export { FILE_BYTES_MAX } from './read/limits.ts';

export interface ReadOptions extends ValidationContext {
  /** Of objects that name none; default `default`. */
  readonly defaultNamespace?: string;
}

/** What a file holds. What is wrong in one document keeps no other from being read. */
export type Reading = DocumentReading;

/** Reads YAML or JSON text with any number of resources. Never throws. */
export function readText(file: string, text: string, options: ReadOptions = {}): Reading {
  const steps = readSteps(file, text, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** As {@link readText}, and lets other work run between two documents: large files take long. */
export async function readTextInTurns(file: string, text: string, options: ReadOptions = {}): Promise<Reading> {
  const steps = readSteps(file, text, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function* readSteps(file: string, text: string, options: ReadOptions): Generator<void, Reading> {
  const context = { ...options, defaultNamespace: options.defaultNamespace ?? 'default' };
  const atStart = (reason: string): Finding => ({
    level: 'error',
    file,
    line: 1,
    column: 1,
    path: '',
    value: '',
    reason,
  });
  if (Buffer.byteLength(text) > FILE_BYTES_MAX) {
    return {
      objects: [],
      refused: [],
      unreadable: true,
      findings: [atStart(`is larger than ${FILE_BYTES_MAX} bytes`)],
    };
  }
  const readings: DocumentReading[] = [];
  let documents = 0;
  for (const chunk of splitDocuments(text)) {
    if (readings.length === DOCUMENTS_PER_FILE_MAX) {
      const finding = { ...atStart(`has more than ${DOCUMENTS_PER_FILE_MAX} documents`), line: chunk.firstLine };
      readings.push({ objects: [], refused: [], unreadable: true, findings: [finding] });
      break;
    }
    const reading = readChunk(file, chunk, documents + 1, context);
    documents += reading.documents;
    readings.push(reading);
    yield;
  }
  return {
    objects: readings.flatMap(({ objects }) => objects),
    findings: capped(readings.flatMap(({ findings }) => findings)),
    refused: readings.flatMap(({ refused }) => refused),
    unreadable: readings.some(({ unreadable }) => unreadable),
  };
}

/** Errors go before warnings when there is room for some only. */
function capped(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= FINDINGS_PER_FILE_MAX) return findings;
  const errors = findings.filter(({ level }) => level === 'error');
  const others = findings.filter(({ level }) => level !== 'error');
  const kept = [...errors, ...others].slice(0, FINDINGS_PER_FILE_MAX);
  const last = kept.at(-1)!;
  const reason = `and ${findings.length - kept.length} findings more in this file`;
  return [...kept, { ...last, path: '', value: '', reason }];
}
