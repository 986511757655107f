/** The answer to an apply that meets fields of other managers. */
import type { ManagedFieldsEntry, Status } from '../object.js';
import { formatPath } from './field-set.js';

/** A field that another manager owns. */
export interface ApplyConflict {
  readonly manager: ManagedFieldsEntry;
  readonly path: readonly string[];
}

function managerText({ manager, operation, subresource, apiVersion }: ManagedFieldsEntry): string {
  const through = (subresource ?? '') === '' ? '' : ` with subresource "${subresource}"`;
  const using = operation === 'Update' ? ` using ${apiVersion ?? ''}` : '';
  return `"${manager ?? ''}"${through}${using}`;
}

/** The `Conflict` status (HTTP 409) of an apply. */
export function applyConflictStatus(conflicts: readonly ApplyConflict[]): Status {
  const sorted = conflicts.toSorted((a, b) => compareText(a.manager.manager, b.manager.manager));
  const causes = sorted.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(manager)}`,
    field: formatPath(path),
  }));
  const [only] = causes;
  let message: string;
  if (causes.length === 1 && only !== undefined) {
    message = `Apply failed with 1 conflict: ${only.message}: ${only.field}`;
  } else {
    const lines: string[] = [];
    let previous = '';
    for (const { message: text, field } of causes) {
      const head = `${text.replace('conflict with', 'conflicts with')}:`;
      if (head !== previous) lines.push(head);
      previous = head;
      lines.push(`- ${field}`);
    }
    message = `Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`;
  }
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'Conflict',
    details: { causes },
    code: 409,
  };
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
