/** Roles and bindings. */
import type { KubeObject } from '../../api/object.js';
import { writePairs } from './common.js';
import type { DescribeWriter } from './writer.js';

/** A rule of a role, or of a review of rules. */
export interface Rule {
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
  for (const text of ruleRows(rules ?? [])) writer.line(1, text);
}

/** Rules as kubectl prints them, one row for each resource with all its verbs; columns stand between tabs. */
export function ruleRows(rules: readonly Rule[]): string[] {
  return rowsOf(rules).map(({ text }) => text);
}

interface Row {
  /** The rows stand in the order of these texts. */
  readonly order: string;
  readonly text: string;
}

/** One row for each resource, with all its verbs, and for each path with each verb. */
function rowsOf(rules: readonly Rule[]): Row[] {
  const verbsOf = new Map<string, Set<string>>();
  const paths: Row[] = [];
  for (const { resources = [], resourceNames = [], nonResourceURLs = [], ...rule } of rules) {
    const names = resourceNames.length === 0 ? [''] : resourceNames;
    for (const group of rule.apiGroups ?? []) {
      for (const resource of resources) {
        for (const name of names) {
          const key = JSON.stringify([group, resource, name]);
          const verbs = verbsOf.get(key) ?? new Set();
          for (const verb of rule.verbs) verbs.add(verb);
          verbsOf.set(key, verbs);
        }
      }
    }
    for (const url of nonResourceURLs) {
      for (const verb of rule.verbs) {
        paths.push({ order: `[${verb}][][][][${url}]`, text: `\t[${url}]\t[]\t[${verb}]` });
      }
    }
  }
  const rows = [...verbsOf].map(([key, verbs]): Row => {
    const [group = '', resource = '', name = ''] = JSON.parse(key) as string[];
    const shownVerbs = `[${[...verbs].join(' ')}]`;
    return {
      order: `${shownVerbs}[${group}][${resource}][${name}]`,
      text: `${shownName(group, resource)}\t[]\t[${name}]\t${shownVerbs}`,
    };
  });
  return [...rows, ...paths].sort((a, b) => (a.order < b.order ? -1 : 1));
}

/** `deployments.apps/scale`. */
function shownName(group: string, resource: string): string {
  const [name = '', part] = resource.split('/');
  const whole = group === '' ? name : `${name}.${group}`;
  return part === undefined ? whole : `${whole}/${part}`;
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
