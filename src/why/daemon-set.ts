/** DaemonSets: a pod on each node that they are for. Pure. */
import type { Node, Pod } from '../api/types/core.js';
import type { DaemonSet } from '../api/types/workloads.js';
import { failedCreation } from './creation.js';
import type { Finding } from './finding.js';
import { count, well, worst } from './finding.js';
import { podCauses, unseen } from './replicas.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

/** Why nodes lack a ready pod of a DaemonSet. */
export function explainDaemonSet(set: DaemonSet, view: ClusterView): Finding {
  const about = nameOf(set);
  const { desiredNumberScheduled: wanted = 0, numberReady: ready = 0 } = set.status ?? {};
  const refused = failedCreation(set, view);
  const causes = [
    ...unseen(set, set.status?.observedGeneration),
    ...(refused === undefined ? [] : [refused]),
    ...podCauses(view.controlled<Pod>('pods', set), view),
  ];
  if (wanted === 0 && causes.length === 0) return forNoNode(set, view);
  const details = detailsOf(set, wanted);
  const nodes = wanted === 1 ? 'its only node' : `each of its ${wanted} nodes`;
  const all = `a ready pod runs on ${nodes}`;
  if (causes.length === 0 && ready >= wanted && details.length === 0) return well(about, all);
  const some = `${ready} of ${count(wanted, 'node')} have a ready pod of it`;
  const level = causes.length > 0 ? worst(causes) : 'waiting';
  return { about, level, says: ready >= wanted ? all : some, details, causes };
}

function forNoNode(set: DaemonSet, view: ClusterView): Finding {
  const pairs = Object.entries(set.spec.template.spec.nodeSelector ?? {});
  const selector = pairs.map(([key, value]) => `${key}=${value}`);
  const nodes = view.list<Node>('nodes');
  const first = nodes[0]?.metadata.name ?? 'NODE';
  const command = `trireme label node ${first} ${selector.join(' ')}`;
  return {
    about: nameOf(set),
    level: 'problem',
    says:
      nodes.length === 0
        ? 'there is no node for it'
        : `it is for none of ${count(nodes.length, 'node')}`,
    details: selector.length === 0 ? [] : [`it wants nodes with ${selector.join(' and ')}`],
    mend: selector.length === 0 ? [] : [{ words: 'label a node so', command }],
  };
}

function detailsOf({ spec, status }: DaemonSet, wanted: number): string[] {
  const details: string[] = [];
  const { numberMisscheduled: astray = 0, updatedNumberScheduled: updated = wanted } = status ?? {};
  if (astray > 0) details.push(`on ${count(astray, 'node')} that it is not for it has a pod`);
  if (updated < wanted && spec.updateStrategy?.type === 'OnDelete') {
    const pods = count(wanted - updated, 'pod');
    details.push(`${pods} of the old template: they go when somebody deletes them (OnDelete)`);
  }
  return details;
}
