import { isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import type { Path } from '../path.ts';

/**
 * Where a path lies in the document's text: the offset of the last field's name, or of a list's entry. For what is not there,
 * such as a field that is missing, or stands elsewhere behind an alias, the innermost thing around it.
 */
export function offsetAt(root: Node, path: Path): number {
  let node: unknown = root;
  let offset = root.range?.[0] ?? 0;
  for (const segment of path) {
    if (isMap(node)) {
      const pair = pairOf(node.items as Pair[], String(segment)) ?? pairOf(node.items as Pair[], '<<');
      if (pair === undefined) break;
      offset = (pair.key as Node | null)?.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof segment === 'number') {
      node = node.items[segment];
      offset = (node as Node | null | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

function pairOf(items: readonly Pair[], key: string): Pair | undefined {
  return items.find((pair) => isScalar(pair.key) && (pair.key.value === key || pair.key.source === key));
}
