/** Pod and PodTemplate. */
import { cloneJson } from '../clone.js';
import { defineKind } from '../define.js';
import type { FieldError } from '../field-error.js';
import type { Subresource } from '../kind.js';
import { column, joined, labelText, nameColumn } from '../print/columns.js';
import { podColumns } from '../print/pod.js';
import { validateFields } from '../schema/validate.js';
import type { Pod, PodTemplateSpec } from '../types/core.js';
import { applyLabelKeys } from './label-keys.js';
import { setPodDefaults, setPodSpecDefaults } from './pod-defaults.js';
import { podSchema, podTemplateSchema } from './pod-schema.js';
import { validateEphemeralUpdate, validatePodUpdate } from './pod-update.js';
import { gatedNodeErrors } from './pod-feature-validation.js';
import { templateWarnings, warningsOfPod } from './pod-warnings.js';
import { validatePodSpec, validatePodTemplate } from './pod-validation.js';
import { qosClass } from './qos.js';

/** Subresources that stream, or take another kind as their body. */
const podSubresources: readonly Subresource[] = [
  { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
  { name: 'binding', kind: 'Binding', verbs: ['create'] },
  {
    name: 'ephemeralcontainers',
    verbs: ['get', 'patch', 'update'],
    prepareUpdate: (next, old) => {
      const [pod, before] = [next as Pod, old as Pod];
      pod.spec = {
        ...cloneJson(before.spec),
        ephemeralContainers: pod.spec.ephemeralContainers,
      };
      pod.status = before.status;
    },
    validateUpdate: (next, old) => [
      ...validateWhole(next as Pod),
      ...validateEphemeralUpdate(next as Pod, old as Pod),
    ],
  },
  { name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
  { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
  { name: 'log', verbs: ['get'] },
  { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
  {
    name: 'proxy',
    kind: 'PodProxyOptions',
    verbs: ['create', 'delete', 'get', 'patch', 'update'],
  },
  {
    name: 'resize',
    verbs: ['get', 'patch', 'update'],
    prepareUpdate: (next, old) => {
      const [pod, before] = [next as Pod, old as Pod];
      const given: Partial<Pod['spec']> = pod.spec;
      const wanted = new Map((given.containers ?? []).map((item) => [item.name, item]));
      const spec = cloneJson(before.spec);
      for (const container of spec.containers) {
        const { resources, resizePolicy } = wanted.get(container.name) ?? container;
        container.resources = resources;
        container.resizePolicy = resizePolicy;
      }
      pod.spec = spec;
      pod.status = before.status;
    },
    validateUpdate: (next) => validateWhole(next as Pod),
  },
];

/** Subresources that change the spec are checked like the pod itself. */
function validateWhole(pod: Pod): FieldError[] {
  const errors: FieldError[] = [];
  validateFields(podSchema, pod, errors);
  return [...errors, ...validatePod(pod)];
}

function validatePod(pod: Pod): FieldError[] {
  const errors: FieldError[] = [];
  validatePodSpec(pod.spec, 'spec', errors);
  return errors;
}

/** Selectable fields of pods. */
const podFields: Readonly<Record<string, (pod: Pod) => string>> = {
  'spec.nodeName': (pod) => pod.spec.nodeName ?? '',
  'spec.restartPolicy': (pod) => pod.spec.restartPolicy ?? '',
  'spec.schedulerName': (pod) => pod.spec.schedulerName ?? '',
  'spec.serviceAccountName': (pod) => pod.spec.serviceAccountName ?? '',
  'spec.hostNetwork': (pod) => String(pod.spec.hostNetwork ?? false),
  'status.phase': (pod) => pod.status?.phase ?? '',
  'status.podIP': (pod) => pod.status?.podIP ?? '',
  'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
};

/** Pod. */
export const podKind = defineKind<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  statusKeeps: 'owners',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  schema: podSchema,
  hasGeneration: true,
  subresources: podSubresources,
  podSpec: (pod) => pod.spec,
  setDefaults: setPodDefaults,
  prepareCreate: (pod, { now }) => {
    pod.status = { phase: 'Pending', qosClass: qosClass(pod.spec) };
    if ((pod.spec.schedulingGates?.length ?? 0) > 0) {
      pod.status.conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
          lastTransitionTime: now,
        },
      ];
    }
    delete pod.spec.ephemeralContainers;
    applyLabelKeys(pod);
  },
  validate: validatePod,
  validateCreate: (object) => gatedNodeErrors((object as Pod).spec),
  validateUpdate: validatePodUpdate,
  warnings: (pod, old) => warningsOfPod(pod, old),
  columns: podColumns,
  fields: podFields,
  gracePeriodSeconds: (pod) => {
    const isPlaced = (pod.spec.nodeName ?? '') !== '';
    const isOver = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    const seconds = Number(pod.spec.terminationGracePeriodSeconds ?? 30);
    return isPlaced && !isOver ? Math.min(Math.max(0, seconds), Number.MAX_SAFE_INTEGER) : 0;
  },
});

/** Names, images and selector of a template, as columns of the kinds that have one. */
export function templateColumns<T>(templateOf: (object: T) => PodTemplateSpec | undefined) {
  const containers = (object: T) => templateOf(object)?.spec.containers ?? [];
  return {
    names: (object: T) => joined(containers(object).map((container) => container.name)),
    images: (object: T) => joined(containers(object).map((container) => container.image ?? '')),
  };
}

type PodTemplate = { metadata: Pod['metadata']; template: PodTemplateSpec };
const templateCells = templateColumns<PodTemplate>((object) => object.template);

/** PodTemplate. */
export const podTemplateKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  schema: podTemplateSchema,
  hasGeneration: true,
  podSpec: ({ template }) => template?.spec,
  setDefaults: (object) => setPodSpecDefaults(object.template.spec),
  validate: (object) => {
    const errors: FieldError[] = [];
    validatePodTemplate(object.template, 'template', errors);
    return errors;
  },
  warnings: templateWarnings<PodTemplate>('template', ({ template }) => template, { names: false }),
  columns: [
    nameColumn,
    column<PodTemplate>('Containers', templateCells.names),
    column<PodTemplate>('Images', templateCells.images),
    column<PodTemplate>('Pod Labels', (object) => labelText(object.template.metadata?.labels)),
  ],
});
