import { codeBits, codes, endOfString } from './huffman-code.ts';

/**
 * The code as an automaton that eats four bits at a time. A state is an inner node of the code's tree, so there are 256 of
 * them; a step out of a state is, from its lowest bit on: the octet that was completed (8 bits), the next state (8 bits),
 * then the flags below. Four bits never complete two octets, for the shortest code has five.
 */
const stepEmits = 1 << 16;
/** The string may end here: what is left over are at most seven ones. */
const stepMayEnd = 1 << 17;
/** The end-of-string symbol was completed, which no string may hold. */
const stepFails = 1 << 18;

const steps = buildSteps();

/**
 * Decodes into `target`, which must have room for 8/5 of the source (a code has at least five bits). Returns how many
 * octets it wrote; -1 where the padding is longer than seven bits or not all ones, or where end-of-string is inside.
 */
export function decodeHuffman(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let state = 0;
  let length = 0;
  let step = stepMayEnd;
  for (let at = start; at < end; at++) {
    const octet = source[at]!;
    step = steps[state | (octet >>> 4)]!;
    if (step & stepEmits) target[length++] = step;
    let flags = step;
    step = steps[((step >>> 4) & 0xff0) | (octet & 15)]!;
    if (step & stepEmits) target[length++] = step;
    flags |= step;
    if (flags & stepFails) return -1;
    state = (step >>> 4) & 0xff0;
  }
  return step & stepMayEnd ? length : -1;
}

/** A node of the tree by its two children: an inner node's number, or ~symbol for a leaf. */
type Node = [zero: number, one: number];

function buildSteps(): Uint32Array {
  const tree = buildTree();
  const mayEnd = nodesOfPadding(tree);
  const table = new Uint32Array(tree.length * 16);
  for (let state = 0; state < tree.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) table[state * 16 + nibble] = stepOf(tree, mayEnd, state, nibble);
  }
  return table;
}

function stepOf(tree: readonly Node[], mayEnd: ReadonlySet<number>, state: number, nibble: number): number {
  let node = state;
  let step = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[node]![(nibble >>> bit) & 1]!;
    if (next >= 0) {
      node = next;
      continue;
    }
    const symbol = ~next;
    if (symbol === endOfString) return stepFails;
    step = stepEmits | symbol;
    node = 0;
  }
  return step | (node << 8) | (mayEnd.has(node) ? stepMayEnd : 0);
}

function buildTree(): Node[] {
  const tree: Node[] = [[0, 0]];
  for (let symbol = 0; symbol < codes.length; symbol++) {
    let node = 0;
    for (let bit = codeBits[symbol]! - 1; bit > 0; bit--) {
      const side = (codes[symbol]! >>> bit) & 1;
      if (tree[node]![side] === 0) tree[node]![side] = tree.push([0, 0]) - 1;
      node = tree[node]![side]!;
    }
    tree[node]![codes[symbol]! & 1] = ~symbol;
  }
  return tree;
}

/** The root, and what is reached from it by one to seven ones. */
function nodesOfPadding(tree: readonly Node[]): Set<number> {
  const nodes = new Set([0]);
  let node = 0;
  for (let bits = 1; bits <= 7; bits++) nodes.add((node = tree[node]![1]!));
  return nodes;
}
