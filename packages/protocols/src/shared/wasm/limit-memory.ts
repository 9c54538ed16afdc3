import { CodedError } from '@sofamesh/base/errors';
import { encodeNumber, ModuleReader, readSections, sectionIds, writeSections } from './module-bytes.ts';

/** WebAssembly Core 2.0 §5.3.7: limits are a flag and one or two numbers. */
const withoutMaximum = 0;
const withMaximum = 1;

/**
 * The same module with a memory that cannot grow beyond `pagesMax` pages of 64 KiB: its own maximum is lowered, or put
 * there, for an engine cannot be told to limit a memory that a module makes itself. A module that asks for
 * more at once is refused, as is one without a memory of its own, or with one that is shared or 64 bits wide. Throws `bad_wasm`.
 */
export function limitMemory(module: Buffer, pagesMax: number): Buffer {
  const sections = readSections(module);
  if (!sections.some(({ id }) => id === sectionIds.memory)) {
    throw new CodedError('bad_wasm', 'has no memory of its own');
  }
  return writeSections(
    sections.map(({ id, content }) => {
      return { id, content: id === sectionIds.memory ? limited(new ModuleReader(content), pagesMax) : content };
    }),
  );
}

function limited(reader: ModuleReader, pagesMax: number): Buffer {
  const count = reader.number();
  if (count !== 1) throw new CodedError('bad_wasm', `has ${count} memories; one is supported`);
  const flag = reader.byte();
  if (flag !== withoutMaximum && flag !== withMaximum) {
    throw new CodedError('bad_wasm', 'has a memory that is shared or 64 bits wide');
  }
  const pages = reader.number();
  if (pages > pagesMax)
    throw new CodedError('bad_wasm', `begins with ${pages} pages of memory; ${pagesMax} are allowed`);
  const maximum = flag === withMaximum ? Math.min(reader.number(), pagesMax) : pagesMax;
  return Buffer.from([1, withMaximum, ...encodeNumber(pages), ...encodeNumber(maximum)]);
}
