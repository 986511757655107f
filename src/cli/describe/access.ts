/** Roles and bindings. */
import type { KubeObject } from '../../api/object.js';
import { writePairs } from './common.js';
import type { DescribeWriter } from './writer.js';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

/** A role: what may be done to what. */
export function describeRole(writer: DescribeWriter, object: KubeObject): void {
  writer.field(0, 'Name', object.metadata.name);
  writePairs(writer, object);
  writer.line(0, 'PolicyRule:');
  writer.line(1, 'Resources\tNon-Resource URLs\tResource Names\tVerbs');
  writer.line(1, '---------\t-----------------\t--------------\t-----');
  const { rules } = object as KubeObject & { rules?: readonly Rule[] | null };
  const rows = (rules ?? []).flatMap(rowsOf).sort((a, b) => (a.order < b.order ? -1 : 1));
  for (const { text } of rows) writer.line(1, text);
}

const bracketed = (values: readonly string[] | undefined): string =>
  `[${(values ?? []).join(' ')}]`;

function rowsOf(rule: Rule): { order: string; text: string }[] {
  const names = bracketed(rule.resourceNames);
  const verbs = bracketed(rule.verbs);
  const resources = (rule.resources ?? []).flatMap((resource) =>
    (rule.apiGroups ?? ['']).map((group) => {
      const [name = '', part] = resource.split('/');
      const whole = group === '' ? name : `${name}.${group}`;
      const shown = part === undefined ? whole : `${whole}/${part}`;
      return { shown, order: `${verbs}[${group}][${resource}]` };
    }),
  );
  const rows = resources.map(({ shown, order }) => ({
    order,
    text: `${shown}\t[]\t${names}\t${verbs}`,
  }));
  const urls = (rule.nonResourceURLs ?? []).length;
  return urls === 0
    ? rows
    : [
        ...rows,
        ...(rule.nonResourceURLs ?? []).map((url) => ({
          order: `${verbs}[][]${url}`,
          text: `\t[${url}]\t[]\t${verbs}`,
        })),
      ];
}

/** A binding: who has a role. */
export function describeBinding(writer: DescribeWriter, object: KubeObject): void {
  const { roleRef, subjects = [] } = object as KubeObject & {
    roleRef: { readonly kind: string; readonly name: string };
    subjects?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly namespace?: string;
    }[];
  };
  writer.field(0, 'Name', object.metadata.name);
  writePairs(writer, object);
  writer.line(0, 'Role:');
  writer.field(1, 'Kind', roleRef.kind);
  writer.field(1, 'Name', roleRef.name);
  writer.line(0, 'Subjects:');
  writer.line(1, 'Kind\tName\tNamespace');
  writer.line(1, '----\t----\t---------');
  for (const { kind, name, namespace = '' } of subjects)
    writer.line(1, `${kind}\t${name}\t${namespace}`);
}
