/** One entry of a new header block. */
export interface MergedEntry {
  /** Which of the old entries it goes back to, for the spelling of its name; undefined: it is new. */
  readonly from: number | undefined;
  readonly name: string;
  readonly value: string;
}

type Header = readonly [name: string, value: string];

/**
 * What the entries of a block that has one per name become, when its headers are to be these. `old`: the entries there were, in
 * order, with lower-case names, several of one name where they are spelled differently. An entry that nobody edited is
 * as it was, where it was. Several values of one name are joined by ",", as nobody reads a second entry.
 */
export function mergeEntries(old: readonly Header[], headers: readonly Header[]): readonly MergedEntry[] {
  const wanted = grouped(headers);
  const present = grouped(old);
  const merged: MergedEntry[] = [];
  old.forEach(([name], from) => {
    const values = wanted.get(name);
    if (values === undefined) return;
    if (values.length === present.get(name)!.length) {
      present.get(name)!.pop();
      merged.push({ from, name, value: values.shift()! });
      return;
    }
    wanted.delete(name);
    merged.push({ from, name, value: values.join(',') });
  });
  for (const [name, values] of wanted) {
    if (values.length > 0) merged.push({ from: undefined, name, value: values.join(',') });
  }
  return merged;
}

function grouped(headers: readonly Header[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [value]);
    else group.push(value);
  }
  return groups;
}
