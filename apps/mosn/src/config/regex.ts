import { messageOf } from '@sofamesh/base/errors';
import { compileRe2 } from '@sofamesh/proxy/route/string-match';
import { FieldError } from './fields.ts';

/** Patterns that have been found right. Tables come again with every change, and compiling one takes long. */
const right = new Set<string>();
const rightPatternsMax = 4096;

/**
 * The pattern of an `envoy.type.matcher.v3.RegexMatcher`. The workers compile it; it is compiled here too, where the field
 * has a name, so that a wrong one is refused by it. Throws a {@link FieldError}.
 */
export function readRegex({ regex }: { readonly regex: string }, path: string): string {
  if (right.has(regex)) return regex;
  try {
    compileRe2(regex, 'regex');
  } catch (thrown) {
    const why = messageOf(thrown instanceof Error ? (thrown.cause ?? thrown) : thrown);
    throw new FieldError(`${path}.regex`, regex, why, { cause: thrown });
  }
  if (right.size >= rightPatternsMax) right.clear();
  right.add(regex);
  return regex;
}
