/** Just enough of WebAssembly's binary form (Core 2.0 §5) to write a guest in a test: no compiler is needed and no binary kept. */
export type Code = number | readonly Code[];

export interface FunctionSpec {
  readonly params: readonly ValueType[];
  readonly results?: readonly ValueType[];
  readonly locals?: readonly ValueType[];
}
export interface DefinedFunction extends FunctionSpec {
  /** Exported under this name. */
  readonly name: string;
  readonly body: Code;
}

export type ValueType = 'i32' | 'i64';
const valueTypes = { i32: 0x7f, i64: 0x7e } as const;

export interface ModuleSpec {
  /** From `env`; they are functions 0, 1, … for {@link call}, the module's own follow. */
  readonly imports?: readonly (FunctionSpec & { readonly name: string })[];
  readonly functions: readonly DefinedFunction[];
  /** Pages that the memory begins with. */
  readonly pages: number;
  readonly pagesMax?: number;
  /** Under which the memory is exported; undefined: it is not. */
  readonly memoryName?: string;
  /** Values of the 32-bit variables. */
  readonly globals?: readonly number[];
  readonly data?: readonly { readonly at: number; readonly bytes: Uint8Array }[];
}

export function assemble(spec: ModuleSpec): Buffer {
  const { imports = [], functions, globals = [], data = [] } = spec;
  const types = [...imports, ...functions].map(({ params, results = [] }) => [
    0x60,
    vector(params.map((type) => valueTypes[type])),
    vector(results.map((type) => valueTypes[type])),
  ]);
  const limits =
    spec.pagesMax === undefined ? [0, unsigned(spec.pages)] : [1, unsigned(spec.pages), unsigned(spec.pagesMax)];
  const { memoryName = 'memory' } = spec;
  const sections: [id: number, content: Code][] = [
    [1, vector(types)],
    [2, vector(imports.map(({ name }, at) => [text('env'), text(name), 0x00, unsigned(at)]))],
    [3, vector(functions.map((_, at) => unsigned(imports.length + at)))],
    [5, [1, limits]],
    [6, vector(globals.map((value) => [valueTypes.i32, 1, i32(value), end]))],
    [
      7,
      vector([
        [text(memoryName), 0x02, 0],
        ...functions.map(({ name }, at) => [text(name), 0x00, unsigned(imports.length + at)]),
      ]),
    ],
    [
      10,
      vector(
        functions.map(({ locals = [], body }) => {
          const code = bytesOf([vector(locals.map((type) => [1, valueTypes[type]])), body, end]);
          return [unsigned(code.length), code];
        }),
      ),
    ],
    [11, vector(data.map(({ at, bytes }) => [0, i32(at), end, vector([...bytes])]))],
  ];
  const preamble = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  return Buffer.from([
    ...preamble,
    ...sections.flatMap(([id, content]) => {
      const bytes = bytesOf(content);
      return [id, ...bytesOf(unsigned(bytes.length)), ...bytes];
    }),
  ]);
}

export const unreachable = 0x00;
export const end = 0x0b;
export const otherwise = 0x05;
export const back = 0x0f;
export const drop = 0x1a;
/** Without a value. */
export const when = [0x04, 0x40];
export const loop = [0x03, 0x40];
export const again = (depth = 0): Code => [0x0c, unsigned(depth)];
export const call = (at: number): Code => [0x10, unsigned(at)];
export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number): Code => [0x21, unsigned(local)];
export const getGlobal = (at: number): Code => [0x23, unsigned(at)];
export const setGlobal = (at: number): Code => [0x24, unsigned(at)];
export const i32 = (value: number): Code => [0x41, signed(value)];
export const load = (offset = 0): Code => [0x28, 0, unsigned(offset)];
export const load64 = (offset = 0): Code => [0x29, 0, unsigned(offset)];
export const load8 = (offset = 0): Code => [0x2d, 0, unsigned(offset)];
export const store = (offset = 0): Code => [0x36, 0, unsigned(offset)];
export const store64 = (offset = 0): Code => [0x37, 0, unsigned(offset)];
export const store8 = (offset = 0): Code => [0x3a, 0, unsigned(offset)];
export const memorySize = [0x3f, 0];
export const memoryGrow = [0x40, 0];
/** Destination, source, length. */
export const memoryCopy = [0xfc, 10, 0, 0];
export const equal = 0x46;
export const differ = 0x47;
export const isBelow = 0x49;
export const isAbove = 0x4b;
export const add = 0x6a;
export const subtract = 0x6b;
export const and = 0x71;
export const shiftRight = 0x76;

function bytesOf(code: Code): number[] {
  return typeof code === 'number' ? [code] : code.flatMap(bytesOf);
}

function vector(items: readonly Code[]): Code {
  return [unsigned(items.length), items];
}

function text(value: string): Code {
  return vector([...Buffer.from(value)]);
}

function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function signed(value: number): Code {
  const bytes: number[] = [];
  for (let rest = value | 0; ; rest >>= 7) {
    const low = rest & 0x7f;
    if ((rest >> 7 === 0 && low < 0x40) || (rest >> 7 === -1 && low >= 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}
