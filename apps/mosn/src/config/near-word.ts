/** The word that somebody probably meant, if one is near enough: at most two edits, or one in a short word. */
export function nearWord(word: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let nearestDistance = word.length < 5 ? 2 : 3;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate, nearestDistance);
    if (distance < nearestDistance) [nearest, nearestDistance] = [candidate, distance];
  }
  return nearest;
}

/** Insertions, deletions and replacements between two words; `limit` when they are at least that far apart. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return Math.min(row[b.length]!, limit);
}
