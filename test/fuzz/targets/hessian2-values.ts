import assert from 'node:assert/strict';
import { CodedError } from '@sofamesh/base/errors';
import { badReply, ConversionFault } from '@sofamesh/protocols/shared/conversion/fault';
import { toJson } from '@sofamesh/protocols/shared/conversion/to-json';
import { Hessian2DraftReader } from '@sofamesh/protocols/shared/hessian2/draft-reader';
import { Hessian2Reader } from '@sofamesh/protocols/shared/hessian2/reader';
import type { FuzzTarget } from '../target.ts';
import { hessian2Target } from './hessian2.ts';

const style = { types: {}, classNames: true, classEntries: false, lengthMax: 10_000 };
const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');

/** Values that are built, and told as JSON: each is a value or an error, and a short text stays a short one. */
function valuesTarget(
  name: string,
  Reader: typeof Hessian2Reader | typeof Hessian2DraftReader,
  corpus: FuzzTarget['corpus'],
  tokens: FuzzTarget['tokens'],
): FuzzTarget {
  return {
    name,
    corpus,
    tokens,
    run(pieces) {
      const reader = new Reader(Buffer.concat(pieces));
      let values = 0;
      let end = 'whole';
      try {
        for (let before = 0; !reader.done; before = reader.at) {
          const json = toJson(reader.read(), style, badReply);
          assert.ok(json.length <= style.lengthMax && reader.at > before);
          JSON.parse(json);
          values++;
        }
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        end = error instanceof ConversionFault ? error.message : error.code;
      }
      return { said: `${values} ${reader.at} ${end}`, sort: `${values.toString(2).length} ${end}` };
    },
  };
}

export const hessian2ValuesTargets: readonly FuzzTarget[] = [
  valuesTarget('hessian2-values', Hessian2Reader, hessian2Target.corpus, hessian2Target.tokens),
  valuesTarget(
    'hessian2-draft-values',
    Hessian2DraftReader,
    () => [
      hex('4e 54 46 80 c0ff d00000 49 7fffffff d8 f000 380000 77 00000001 4c 0000000000000001'),
      hex('67 68 69 01 6a 0102 6b 3f800000 44 0000000000000000 64 0000000000000000 00'),
      hex('4f 93 612e42 92 01 78 01 79 6f 90 91 92 6f 90 93 4a 00'),
      hex('56 74 0001 61 6e 02 90 91 7a 76 90 91 92 56 6c 00000001 4e 7a 56 90 91 7a'),
      hex('4d 74 0001 61 01 61 4b 0000 7a 4d 75 90 7a 4d 01 62 52 00000000 7a'),
      hex('73 0002 6162 53 0002 6364 62 0002 0102 42 0001 03 20 23 010203'),
    ],
    ['M', 'V', 'v', 'O', 'o', 't', 'T', 'u', 'n', 'l', 'z', 'J', 'K', 'R', 's', 'S', 'b', 'B', 'V\x6e\x01', 'J\x00'],
  ),
];
