/** Commands that make the cluster. */
import { podInfo } from '../pod-info.js';
import type { ClaimFields, NodeFields, PodFields, VolumeFields } from './objects.js';
import { claimOf, nodeOf, podOf, volumeOf } from './objects.js';
import type { Command } from './command.js';

/** `node NAME {…}` */
const node: Command = ({ cache }, [name = ''], fields: NodeFields) => {
  cache.setNode(nodeOf(name, fields));
  return [];
};

/** `remove-node NAME` */
const removeNode: Command = ({ cache, placer }, [name = '']) => {
  cache.removeNode(name);
  placer.forgetNode(name);
  return [];
};

/** `pod NAME on NODE {…}`: a pod that has its node. */
const pod: Command = ({ cache, pods }, [name = '', , at = ''], fields: PodFields) => {
  const made = podOf(name, fields);
  pods.set(name, made);
  cache.confirm(podInfo(made), at);
  return [];
};

/** `pod-gone NAME` */
const podGone: Command = ({ cache, pods, nominations }, [name = '']) => {
  const gone = pods.get(name);
  if (gone === undefined) return [`no pod ${name}`];
  const { key } = podInfo(gone);
  cache.remove(key);
  nominations.delete(key);
  pods.delete(name);
  return [];
};

/** `namespace NAME {labels}` */
const namespace: Command = ({ namespaces }, [name = ''], labels) => {
  namespaces.put({ metadata: { name, labels: labels as Record<string, string> }, spec: {} });
  return [];
};

/** `claim NAME {…}` */
const claim: Command = ({ claims }, [name = ''], fields: ClaimFields) => {
  claims.put(claimOf(name, fields));
  return [];
};

/** `volume NAME {…}` */
const volume: Command = ({ volumes }, [name = ''], fields: VolumeFields) => {
  volumes.put(volumeOf(name, fields));
  return [];
};

/** `class NAME {…}`: a StorageClass that waits for the first consumer, unless said otherwise. */
const storageClass: Command = ({ storageClasses }, [name = ''], fields) => {
  const usual = { provisioner: 'example.com/disk', volumeBindingMode: 'WaitForFirstConsumer' };
  storageClasses.put({ metadata: { name }, ...usual, ...fields });
  return [];
};

/** `budget NAME {select: {…}, allowed: N}` */
const budget: Command = (
  { budgets },
  [name = ''],
  fields: { select?: Record<string, string>; allowed?: number; disrupted?: string[] },
) => {
  const selector = fields.select === undefined ? {} : { matchLabels: fields.select };
  const healthy = { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  const disruptedPods = Object.fromEntries((fields.disrupted ?? []).map((pod) => [pod, 'then']));
  budgets.put({
    metadata: { name, namespace: 'default' },
    spec: { selector },
    status: { ...healthy, disruptionsAllowed: fields.allowed ?? 0, disruptedPods },
  });
  return [];
};

export const clusterCommands: Readonly<Record<string, Command>> = {
  node,
  'remove-node': removeNode,
  pod,
  'pod-gone': podGone,
  namespace,
  claim,
  volume,
  class: storageClass,
  budget,
};
