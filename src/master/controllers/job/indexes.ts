/** Completed and failed indexes as a Job's status writes them: `1,3-5`. Pure. */

/** Parses a list such as `1,3-5`; parts that are no numbers are left out. */
export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const [first, last] = part.split('-').map(Number);
    if (part === '' || first === undefined || Number.isNaN(first)) continue;
    for (let index = first; index <= (last ?? first); index++) indexes.add(index);
  }
  return indexes;
}

/** Formats indexes as a list; three or more in a row become a range. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].toSorted((a, b) => a - b);
  const parts: string[] = [];
  for (let at = 0; at < sorted.length;) {
    let end = at;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
    const first = sorted[at] ?? 0;
    const last = sorted[end] ?? 0;
    if (end === at) parts.push(`${first}`);
    else parts.push(end === at + 1 ? `${first},${last}` : `${first}-${last}`);
    at = end + 1;
  }
  return parts.join(',');
}
