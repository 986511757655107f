/** APIServices of the groups and versions that this server serves itself (kube-apiserver's `autoregister`). Pure. */
import type { KindRegistry } from '../../../api/registry.js';
import type { APIService } from '../../../api/types/policy.js';

/** Says who manages an APIService: `true` keeps it as it is, `onstart` makes it once. */
export const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';

/** The places of groups and versions in discovery: `[group, version]`, higher ones first. */
type Priorities = readonly [groupPriority: number, versionPriority: number];

const builtIn: Readonly<Record<string, Priorities>> = {
  '/v1': [18_000, 1],
  'apps/v1': [17_800, 15],
  'events.k8s.io/v1': [17_750, 15],
  'authentication.k8s.io/v1': [17_700, 15],
  'authorization.k8s.io/v1': [17_600, 15],
  'autoscaling/v1': [17_500, 15],
  'autoscaling/v2': [17_500, 30],
  'batch/v1': [17_400, 15],
  'certificates.k8s.io/v1': [17_300, 15],
  'networking.k8s.io/v1': [17_200, 15],
  'policy/v1': [17_100, 15],
  'rbac.authorization.k8s.io/v1': [17_000, 15],
  'storage.k8s.io/v1': [16_800, 15],
  'admissionregistration.k8s.io/v1': [16_700, 15],
  'admissionregistration.k8s.io/v1beta1': [16_700, 12],
  'admissionregistration.k8s.io/v1alpha1': [16_700, 9],
  'apiextensions.k8s.io/v1': [16_700, 15],
  'scheduling.k8s.io/v1': [16_600, 15],
  'coordination.k8s.io/v1': [16_500, 15],
  'node.k8s.io/v1': [16_300, 15],
  'discovery.k8s.io/v1': [16_200, 15],
  'flowcontrol.apiserver.k8s.io/v1': [16_100, 21],
};
/** Add-ons of a real cluster, which may take their groups over. */
const addOn: Priorities = [100, 100];
const custom: Priorities = [1_000, 100];
const ownGroup = 'apiregistration.k8s.io';

/** The priority of a group that this server serves. */
export function localGroupPriority(kinds: KindRegistry, group: string): number {
  if (group === ownGroup) return 20_001;
  const found = kinds.groups().find((candidate) => candidate.group === group);
  const priorities = (found?.versions ?? []).map((version) => prioritiesOf(kinds, group, version));
  return Math.max(0, ...priorities.map(([priority]) => priority));
}

function prioritiesOf(kinds: KindRegistry, group: string, version: string): Priorities {
  if (isCustom(kinds, group, version)) return custom;
  return builtIn[`${group}/${version}`] ?? addOn;
}

function isCustom(kinds: KindRegistry, group: string, version: string): boolean {
  return kinds.inVersion(group, version).every((kind) => kind.custom);
}

/** An APIService for each group and version that is served here; the group of APIServices itself has none. */
export function localServices(kinds: KindRegistry): APIService[] {
  return kinds
    .groups()
    .filter(({ group }) => group !== ownGroup)
    .flatMap(({ group, versions }) =>
      versions.map((version): APIService => {
        const [groupPriorityMinimum, versionPriority] = prioritiesOf(kinds, group, version);
        const managed = isCustom(kinds, group, version) ? 'true' : 'onstart';
        return {
          kind: 'APIService',
          apiVersion: 'apiregistration.k8s.io/v1',
          metadata: { name: `${version}.${group}`, labels: { [managedLabel]: managed } },
          spec: { group, version, groupPriorityMinimum, versionPriority },
          status: {},
        };
      }),
    );
}

/** One thing to do about an APIService of ours. */
export type Step =
  | { readonly type: 'create' | 'update'; readonly wanted: APIService }
  | { readonly type: 'delete'; readonly name: string };

/**
 * Plans what makes the APIServices of a kind's definitions those that are served. What a user put in the place of a
 * built-in one stays; one that was deleted comes back with the next start.
 */
export function planLocal(
  present: ReadonlyMap<string, APIService>,
  wanted: readonly APIService[],
  options: { readonly atStart: boolean },
): Step[] {
  const steps: Step[] = [];
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  for (const service of wanted) {
    const there = present.get(service.metadata.name);
    const isKept = service.metadata.labels?.[managedLabel] === 'true';
    if (there === undefined) {
      if (isKept || options.atStart) steps.push({ type: 'create', wanted: service });
    } else if (isKept && there.metadata.labels?.[managedLabel] === 'true') {
      if (!sameSpec(there, service)) steps.push({ type: 'update', wanted: service });
    }
  }
  for (const [name, { metadata }] of present) {
    if (metadata.labels?.[managedLabel] !== 'true' || names.has(name)) continue;
    steps.push({ type: 'delete', name });
  }
  return steps;
}

function sameSpec({ spec: a }: APIService, { spec: b }: APIService): boolean {
  return (
    a.service === undefined &&
    a.groupPriorityMinimum === b.groupPriorityMinimum &&
    a.versionPriority === b.versionPriority
  );
}
