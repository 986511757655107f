/** The plugins in the order in which they are asked; the first filter that fails on a node gives the reason. */
import { imageLocality } from './image-locality.js';
import { interPodAffinity, interPodPreference } from './inter-pod-affinity.js';
import { namedNodes, nodeAffinity, nodePreference } from './node-affinity.js';
import { nodeName } from './node-name.js';
import { nodePorts } from './node-ports.js';
import { balancedAllocation, leastAllocated, nodeResourcesFit } from './node-resources.js';
import { nodeUnschedulable } from './node-unschedulable.js';
import { ownerSpread } from './owner-spread.js';
import { taintPreference, taintToleration } from './taint-toleration.js';
import { topologySpread, topologySpreadPreference } from './topology-spread.js';
import type { FilterPlugin, ScorePlugin } from './types.js';
import { volumeBinding } from './volume-binding.js';
import { volumeRestrictions } from './volume-restrictions.js';
import { volumeZone } from './volume-zone.js';

/** The plugins that filter nodes, in the order in which they are asked. */
export const filterPlugins: readonly FilterPlugin[] = [
  namedNodes,
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
  volumeRestrictions,
  volumeBinding,
  volumeZone,
  topologySpread,
  interPodAffinity,
];

/** The plugins that score nodes; their weighted points are added up. */
export const scorePlugins: readonly ScorePlugin[] = [
  taintPreference,
  nodePreference,
  leastAllocated,
  balancedAllocation,
  imageLocality,
  ownerSpread,
  topologySpreadPreference,
  interPodPreference,
];
