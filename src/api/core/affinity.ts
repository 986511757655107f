/** Affinity, tolerations and topology spread. */
import { child, required } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { Check } from '../schema/node.js';
import {
  doc,
  int32,
  int64,
  labels,
  list,
  num32,
  req,
  reqValue,
  str,
  strPtr,
  struct,
} from '../schema/dsl.js';
import { labelSelector } from '../schema/meta.js';
import {
  numberCheck,
  isDnsLabel,
  isPositive,
  isQualifiedName,
  oneOf,
} from '../validation/checks.js';
import { haveLabelKeys } from './label-key-checks.js';
import {
  haveLabelValues,
  isNodeSelectorRequirement,
  isToleration,
} from '../validation/scheduling.js';

const nodeSelectorRequirement = struct(
  'core/v1.NodeSelectorRequirement',
  'A key, an operator and values.',
  {
    key: req(str('Label key.', { checksEmpty: true })),
    operator: req(str('In, NotIn, Exists, DoesNotExist, Gt or Lt.', { checksEmpty: true })),
    values: list('Values; one integer for Gt and Lt, none for Exists.', str('')),
  },
  { checks: [isNodeSelectorRequirement] },
);

const nodeSelectorTerm = struct(
  'core/v1.NodeSelectorTerm',
  'Requirements on a node; all must hold, and an empty term matches nothing.',
  {
    matchExpressions: list('Requirements on labels.', nodeSelectorRequirement),
    matchFields: list('Requirements on fields (metadata.name).', nodeSelectorRequirement),
  },
  { atomic: true },
);

const hasTerms: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const terms = value['nodeSelectorTerms'];
  if (Array.isArray(terms) && terms.length > 0) return;
  errors.push(
    required(child(path, 'nodeSelectorTerms'), 'must have at least one node selector term'),
  );
};

/** A selector of nodes: terms of which one must match. */
export const nodeSelector = struct(
  'core/v1.NodeSelector',
  'Terms of which at least one must match.',
  { nodeSelectorTerms: reqValue(list('The terms.', nodeSelectorTerm)) },
  { atomic: true, checks: [hasTerms, haveLabelValues] },
);

/** Errors stand at `namespace`, a field that is not there, as Kubernetes has it. */
const haveNamespaceNames: Check = (value, path, errors) => {
  if (!isJsonObject(value) || !Array.isArray(value['namespaces'])) return;
  for (const name of value['namespaces']) isDnsLabel(name, child(path, 'namespace'), errors);
};

/** A topology key that must be there; the second of two texts about an empty one. */
const isTopologyKey: Check = (value, path, errors) => {
  if (value === '') errors.push(required(path, 'can not be empty'));
};

const labelKey = str('', { checks: [isQualifiedName], checksEmpty: true });

const podAffinityTerm = struct(
  'core/v1.PodAffinityTerm',
  'Pods near or far from which to be.',
  {
    labelSelector: doc('Selects the other pods; none when absent.', labelSelector),
    matchLabelKeys: list("Keys whose values are taken from this pod's labels.", labelKey),
    mismatchLabelKeys: list("Keys whose values must differ from this pod's.", labelKey),
    namespaceSelector: doc('Selects namespaces of the other pods.', labelSelector),
    namespaces: list("Names of namespaces; the pod's own unless set.", str('')),
    topologyKey: req(
      str('Node label whose equal values mean the same place.', {
        checks: [isTopologyKey, isQualifiedName],
        checksEmpty: true,
      }),
    ),
  },
  { checks: [haveNamespaceNames, haveLabelKeys] },
);

const weight = req(
  num32('Weight, 1 to 100.', {
    checks: [
      numberCheck((value) => (value >= 1 && value <= 100 ? [] : ['must be in the range 1-100'])),
    ],
  }),
);

const weightedPodAffinityTerm = struct(
  'core/v1.WeightedPodAffinityTerm',
  'A pod affinity term with a weight.',
  { podAffinityTerm: reqValue(podAffinityTerm), weight },
);

const podAffinityFields = {
  preferredDuringSchedulingIgnoredDuringExecution: list(
    'Terms that add to the score of a node.',
    weightedPodAffinityTerm,
  ),
  requiredDuringSchedulingIgnoredDuringExecution: list(
    'Terms that a node must meet.',
    podAffinityTerm,
  ),
};

/** The schema of a pod's affinity. */
export const affinity = struct('core/v1.Affinity', 'Where a pod wants to run.', {
  nodeAffinity: struct('core/v1.NodeAffinity', 'Nodes that a pod prefers or needs.', {
    preferredDuringSchedulingIgnoredDuringExecution: list(
      'Terms that add to the score of a node.',
      struct('core/v1.PreferredSchedulingTerm', 'A node selector term with a weight.', {
        preference: reqValue(nodeSelectorTerm),
        weight,
      }),
    ),
    requiredDuringSchedulingIgnoredDuringExecution: nodeSelector,
  }),
  podAffinity: struct('core/v1.PodAffinity', 'Pods that a pod wants near.', podAffinityFields),
  podAntiAffinity: struct(
    'core/v1.PodAntiAffinity',
    'Pods that a pod wants far away.',
    podAffinityFields,
  ),
});

/** A taint that a pod tolerates. */
export const toleration = struct(
  'core/v1.Toleration',
  'A taint that the pod bears.',
  {
    effect: str('Effect of the taint; all effects when empty.'),
    key: str('Key of the taint; all keys when empty, with operator Exists.'),
    operator: str('Exists or Equal (when empty).'),
    tolerationSeconds: int64('Seconds a NoExecute taint is borne; for ever unless set.'),
    value: str('Value of the taint, for Equal.'),
  },
  { checks: [isToleration] },
);

/** The schema of a topology spread constraint. */
export const topologySpreadConstraint = struct(
  'core/v1.TopologySpreadConstraint',
  'How matching pods are spread over places.',
  {
    labelSelector: doc('Selects the pods that are counted.', labelSelector),
    matchLabelKeys: list("Keys whose values are taken from this pod's labels.", labelKey),
    maxSkew: req(num32('Greatest difference between two places.', { checks: [isPositive] })),
    minDomains: int32('Least number of places.', { checks: [isPositive] }),
    nodeAffinityPolicy: strPtr('Honor or Ignore the node affinity when counting.', {
      checks: [oneOf(['Honor', 'Ignore'])],
    }),
    nodeTaintsPolicy: strPtr('Honor or Ignore taints when counting.', {
      checks: [oneOf(['Honor', 'Ignore'])],
    }),
    topologyKey: req(
      str('Node label whose equal values mean the same place.', {
        checks: [isTopologyKey],
        checksEmpty: true,
      }),
    ),
    whenUnsatisfiable: req(
      str('DoNotSchedule or ScheduleAnyway.', {
        checksEmpty: true,
        checks: [oneOf(['DoNotSchedule', 'ScheduleAnyway'])],
      }),
    ),
  },
);

/** Terms of topology selectors, for storage classes. */
export const topologySelectorTerm = struct(
  'core/v1.TopologySelectorTerm',
  'Labels of places.',
  {
    matchLabelExpressions: list(
      'Requirements on labels.',
      struct('core/v1.TopologySelectorLabelRequirement', 'A key and its values.', {
        key: req(str('Label key.', { checks: [isQualifiedName], checksEmpty: true })),
        values: req(list('Values of which one must match.', str(''))),
      }),
    ),
  },
  { atomic: true },
);

/** Used by the pod's spec. */
export const nodeSelectorLabels = labels('Labels that the node must have.');
