import { type Random, randomInteger } from '@sofamesh/base/random';

/** An id of so many hexadecimal digits; never zero, which would mean that there is none. */
export function newId(random: Random, digits: 16 | 32): string {
  let id = '';
  while (id.length < digits)
    id += randomInteger(random, 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return /[1-9a-f]/.test(id) ? id : `${id.slice(1)}1`;
}
