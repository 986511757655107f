/** Two words may differ by this many letters, and by one in three. */
const distanceMax = 2;

/** The names that a user may have meant: few letters away, or begun alike. The nearest first. */
export function nearest(word: string, names: readonly string[]): string[] {
  const farthest = Math.min(distanceMax, Math.floor(word.length / 3));
  return names
    .map((name) => ({ name, far: distance(word.toLowerCase(), name) }))
    .filter(({ name, far }) => far <= farthest || (word.length > 2 && name.startsWith(word)))
    .toSorted((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

/** Insertions, deletions and replacements from one word to the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
