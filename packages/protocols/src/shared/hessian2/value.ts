/**
 * A hessian2 value in memory. int and double are both numbers when read; a number is written as int where it is a whole
 * one of 32 bits, else as double ({@link HessianDouble} says otherwise). bigint is long.
 */
export type HessianValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Buffer
  | HessianDouble
  | HessianList
  | HessianMap
  | HessianObject;

/** A double, also where its value is a whole number. */
export class HessianDouble {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export class HessianList {
  /** Java class, or an array's (`[int`); empty: any list. */
  readonly type: string;
  readonly items: HessianValue[];

  constructor(items: HessianValue[] = [], type = '') {
    this.items = items;
    this.type = type;
  }
}

export class HessianMap {
  /** Java class; empty: any map. */
  readonly type: string;
  readonly entries: [key: HessianValue, value: HessianValue][];

  constructor(entries: [HessianValue, HessianValue][] = [], type = '') {
    this.entries = entries;
    this.type = type;
  }

  /** The value under a text; undefined when there is none. */
  get(name: string): HessianValue | undefined {
    return this.entries.find(([key]) => key === name)?.[1];
  }
}

/** An object of a Java class: its fields in the order of the class's definition. */
export class HessianObject {
  readonly className: string;
  readonly fields: readonly string[];
  readonly values: HessianValue[];

  constructor(className: string, fields: readonly string[], values: HessianValue[] = []) {
    this.className = className;
    this.fields = fields;
    this.values = values;
  }

  /** The value of a field; undefined when there is no such. */
  get(name: string): HessianValue | undefined {
    const at = this.fields.indexOf(name);
    return at < 0 ? undefined : this.values[at];
  }
}

/** Limits on reading: what a proxy is ready to build for one message. */
export interface ValueLimits {
  /** Lists, maps and objects within each other. */
  readonly depthMax: number;
  /** Values in all, those within others included. */
  readonly valuesMax: number;
  readonly classesMax: number;
  readonly fieldsPerClassMax: number;
}

export const defaultValueLimits: ValueLimits = {
  depthMax: 64,
  valuesMax: 100_000,
  classesMax: 64,
  fieldsPerClassMax: 256,
};
