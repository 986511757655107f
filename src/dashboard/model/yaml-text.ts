/** The YAML of objects as people edit it: without the fields that only the server writes and nobody reads. */

/**
 * Leaves out `metadata.managedFields`, which is most of the text of many objects. The server keeps it when an update
 * does not have it. The text must be the server's: maps indented by two, items of lists at their parent's column.
 */
export function withoutManagedFields(yaml: string): string {
  const kept: string[] = [];
  let isMetadata = false;
  let isSkipping = false;
  for (const line of yaml.split('\n')) {
    if (/^\S/.test(line)) isMetadata = line === 'metadata:';
    if (isSkipping && /^(?: {3,}| {2}- |$)/.test(line)) continue;
    isSkipping = isMetadata && line === '  managedFields:';
    if (!isSkipping) kept.push(line);
  }
  return kept.join('\n');
}

/** The labels that select, as the query's `labelSelector` has them. */
export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?:
    | readonly {
        readonly key: string;
        readonly operator: string;
        readonly values?: readonly string[] | undefined;
      }[]
    | undefined;
}

/** Writes a selector as text; empty for one that selects nothing by labels. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: Selector): string {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'Exists':
        return key;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return `${key} ${operator.toLowerCase()} (${values.join(',')})`;
    }
  });
  return [...equal, ...others].join(',');
}
