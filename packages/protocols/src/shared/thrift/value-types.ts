/**
 * What a value of each type is made of, which the binary and the compact protocol number differently. A type that neither
 * list has is none.
 */
export interface ValueTypes {
  /** Octets of every value of the type; 0 where values differ. */
  readonly fixedBytes: Uint8Array;
  /** Octets of the shortest value in a container; 0: there is no such type. */
  readonly leastBytes: Uint8Array;
  readonly varint: (type: number) => boolean;
  readonly text: number;
  readonly struct: number;
  readonly list: number;
  readonly set: number;
  readonly map: number;
}

function table(entries: Readonly<Record<number, number>>): Uint8Array {
  const bytes = new Uint8Array(256);
  for (const [type, count] of Object.entries(entries)) bytes[Number(type)] = count;
  return bytes;
}

/** 2 bool, 3 byte, 4 double, 6 i16, 8 i32, 10 i64, 16 uuid. */
const binaryFixed = { 2: 1, 3: 1, 4: 8, 6: 2, 8: 4, 10: 8, 16: 16 };
/** 1 and 2 bool (in a container), 3 byte, 7 double, 13 uuid; 4, 5 and 6 (i16, i32, i64) vary. */
const compactFixed = { 1: 1, 2: 1, 3: 1, 7: 8, 13: 16 };

export const binaryTypes: ValueTypes = {
  fixedBytes: table(binaryFixed),
  leastBytes: table({ ...binaryFixed, 11: 4, 12: 1, 13: 6, 14: 5, 15: 5 }),
  varint: () => false,
  text: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
};

export const compactTypes: ValueTypes = {
  fixedBytes: table(compactFixed),
  leastBytes: table({ ...compactFixed, 4: 1, 5: 1, 6: 1, 8: 1, 9: 1, 10: 1, 11: 1, 12: 1 }),
  varint: (type) => type >= 4 && type <= 6,
  text: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
};
