import { spells } from '../shared/octets.ts';

/**
 * Where the fields of a head are in its bytes: {@link fieldWidth} numbers each, in wire order.
 *
 *     kind, nameStart, nameEnd, valueStart, valueEnd
 */
export const fieldWidth = 5;

/** What a field means to the codec itself. */
export const plainField = 0;
/** Not part of the message any more: of this hop only, or removed by an edit. */
export const droppedField = 1;
export const hostField = 2;
export const contentLengthField = 3;
export const transferEncodingField = 4;
export const connectionField = 5;
export const upgradeField = 6;
export const expectField = 7;
export const teField = 8;
/** Keep-Alive, Proxy-Connection: meant for this hop only, whatever Connection says. */
export const hopField = 9;

/** Kinds that only this hop may see, or that it must understand, as bits. */
export const hopKinds: number =
  (1 << transferEncodingField) |
  (1 << connectionField) |
  (1 << upgradeField) |
  (1 << expectField) |
  (1 << teField) |
  (1 << hopField);

export function fieldKind(bytes: Buffer, start: number, end: number): number {
  switch (end - start) {
    case 2:
      return spells(bytes, start, 'te') ? teField : plainField;
    case 4:
      return spells(bytes, start, 'host') ? hostField : plainField;
    case 6:
      return spells(bytes, start, 'expect') ? expectField : plainField;
    case 7:
      return spells(bytes, start, 'upgrade') ? upgradeField : plainField;
    case 10:
      if (spells(bytes, start, 'connection')) return connectionField;
      return spells(bytes, start, 'keep-alive') ? hopField : plainField;
    case 14:
      return spells(bytes, start, 'content-length') ? contentLengthField : plainField;
    case 16:
      return spells(bytes, start, 'proxy-connection') ? hopField : plainField;
    case 17:
      return spells(bytes, start, 'transfer-encoding') ? transferEncodingField : plainField;
    default:
      return plainField;
  }
}

/** Fields that a message built elsewhere may name and that this codec alone decides about. */
export function isHopName(name: string): boolean {
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
    case 'te':
      return true;
    default:
      return false;
  }
}
