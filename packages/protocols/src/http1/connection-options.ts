import { spells } from '../shared/octets.ts';
import { connectionField, droppedField, fieldWidth, hopField, plainField } from './field-index.ts';
import type { HeadReader } from './head-reader.ts';

export const closeOption = 1;
export const keepAliveOption = 2;
export const upgradeOption = 4;
/** A field is named that must not be taken away. */
export const forbiddenOption = 8;

/** What no hop may take away from the next: who asks, and whom. Envoy refuses such a request, too. */
const protectedNames = ['host', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

/**
 * What the Connection fields say, as bits. Fields that they name belong to this hop and are dropped here, before anybody
 * has seen them: a filter and the upstream must not see different messages (RFC 9110 §7.6.1).
 */
export function readConnectionOptions(reader: HeadReader): number {
  const { bytes, fields, fieldsLength } = reader;
  let options = 0;
  let named: Set<string> | undefined;
  for (let at = 0; at < fieldsLength; at += fieldWidth) {
    if (fields[at] !== connectionField) continue;
    const start = fields[at + 3]!;
    const length = fields[at + 4]! - start;
    if (length === 10 && spells(bytes, start, 'keep-alive')) options |= keepAliveOption;
    else if (length === 5 && spells(bytes, start, 'close')) options |= closeOption;
    else {
      const list = bytes.toString('latin1', start, start + length).toLowerCase();
      for (const part of list.split(',')) {
        const option = part.trim();
        if (option === 'close') options |= closeOption;
        else if (option === 'keep-alive') options |= keepAliveOption;
        else if (option === 'upgrade') options |= upgradeOption;
        else if (option !== '') (named ??= new Set()).add(option);
      }
    }
  }
  if (named === undefined) return options;
  for (const name of protectedNames) if (named.has(name)) options |= forbiddenOption;
  dropNamed(reader, named);
  return options;
}

/** `Proxy-Connection: close`, which some clients say instead. */
export function closesByProxyConnection(reader: HeadReader): boolean {
  const { bytes, fields, fieldsLength } = reader;
  for (let at = 0; at < fieldsLength; at += fieldWidth) {
    if (fields[at] !== hopField || fields[at + 2]! - fields[at + 1]! !== proxyConnection.length) continue;
    const start = fields[at + 3]!;
    if (fields[at + 4]! - start === 5 && spells(bytes, start, 'close')) return true;
  }
  return false;
}

const proxyConnection = 'proxy-connection';

function dropNamed(reader: HeadReader, named: ReadonlySet<string>): void {
  const { bytes, fields, fieldsLength } = reader;
  for (let at = 0; at < fieldsLength; at += fieldWidth) {
    if (fields[at] !== plainField) continue;
    const name = bytes.toString('latin1', fields[at + 1]!, fields[at + 2]!).toLowerCase();
    if (named.has(name)) fields[at] = droppedField;
  }
}
