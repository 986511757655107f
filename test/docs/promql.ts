/** Finds the names of series in a query of Prometheus. */

const words = new Set(
  'and or unless by without on ignoring group_left group_right offset bool atan2 inf nan'.split(
    ' ',
  ),
);

/** The series that an expression reads, in their order, as far as our own queries need PromQL's grammar. */
export function seriesNames(expression: string): string[] {
  const bare = expression
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    // The labels of a grouping are no series.
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  return [...bare.matchAll(/[A-Za-z_:][\w:]*(?!\w)/g)]
    .filter(({ index, 0: name }) => {
      const rest = bare.slice(index + name.length);
      const isNumber = /\d$/.test(bare.slice(0, index));
      return (
        !isNumber &&
        !/^\s*\(/.test(rest) &&
        !words.has(name.toLowerCase()) &&
        !isAggregation(name, rest)
      );
    })
    .map(([name]) => name);
}

function isAggregation(name: string, rest: string): boolean {
  return /^(?:sum|min|max|avg|count|topk|bottomk|quantile)$/.test(name) && /^\s*\(/.test(rest);
}
