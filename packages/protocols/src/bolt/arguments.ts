import { argumentBytesMax, argumentsMax } from '../shared/arguments.ts';
import { Hessian2DraftReader } from '../shared/hessian2/draft-reader.ts';
import { HessianObject, type HessianValue, type ValueLimits } from '../shared/hessian2/value.ts';

/** Less than for a conversion, which needs the values; routes only look at some. */
const limits: ValueLimits = {
  depthMax: 64,
  valuesMax: 10_000,
  classesMax: 64,
  fieldsPerClassMax: 128,
};

/**
 * What stands behind the SofaRequest in the content of a call, each as text: texts, numbers and booleans, undefined for
 * anything else. Of a broken content, what comes before that.
 */
export function readArguments(content: Buffer): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  if (content.length > argumentBytesMax) return found;
  const reader = new Hessian2DraftReader(content, 0, limits);
  try {
    if (!(reader.read() instanceof HessianObject)) return found;
    while (!reader.done && found.length < argumentsMax) found.push(textOf(reader.read()));
  } catch {
    // Broken, or more than a route may look through: the call itself goes on.
  }
  return found;
}

function textOf(value: HessianValue): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return undefined;
  }
}
