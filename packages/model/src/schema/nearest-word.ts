const DISTANCE_MAX = 2;
const WORD_CHARACTERS_MAX = 64;

/** The word that a mistyped one was probably meant to be: at most two edits away, or equal but for case, - and _. */
export function nearestWord(word: string, words: readonly string[]): string | undefined {
  if (word.length > WORD_CHARACTERS_MAX) return undefined;
  const plain = (text: string) => text.toLowerCase().replace(/[-_]/g, '');
  const same = words.find((candidate) => plain(candidate) === plain(word));
  if (same !== undefined) return same;
  let best: string | undefined;
  let bestDistance = Math.min(DISTANCE_MAX, Math.floor(word.length / 3)) + 1;
  for (const candidate of words) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Characters added, left out, changed or swapped with the next. */
function editDistance(a: string, b: string): number {
  let twoBack: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, row[j]! + 1, next[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, twoBack[j - 2]! + 1);
      next.push(least);
    }
    twoBack = row;
    row = next;
  }
  return row[b.length]!;
}
