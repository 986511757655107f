/** Schemas of the apps group. */
import {
  always,
  doc,
  flag,
  int32,
  intOrString,
  list,
  listMap,
  num32,
  num64,
  req,
  reqValue,
  str,
  struct,
  time,
  tuned,
  written,
  anything,
} from '../schema/dsl.js';
import { kindSchema, labelSelector } from '../schema/meta.js';
import {
  isCountOrPercent,
  isNonNegative,
  isNotMoreThan100Percent,
  oneOf,
} from '../validation/checks.js';
import { podTemplateSpec } from '../core/pod-spec.js';
import { claimSchema } from '../core/claim-schema.js';

const count = { checks: [isNonNegative] };
const partOf = { checks: [isCountOrPercent] };
/** The selector of a workload. */
export const selector = doc(
  'Selects the pods; must match the labels of the template.',
  labelSelector,
);
const collisionCount = int32('Counts collisions of hashes in names.');
const observedGeneration = num64('Generation that the controller has seen.');
const minReadySeconds = num32('Seconds a pod must be ready to count as available.', count);
const revisionHistoryLimit = int32('How many old revisions are kept.', { ...count, default: 10 });

/** Conditions of workloads; `withUpdate` adds lastUpdateTime. */
function workloadCondition(definition: string) {
  return struct(definition, 'One aspect of the state.', {
    lastTransitionTime: time('When the status last changed.'),
    message: str('Details for people.'),
    reason: str('Reason of the last change.'),
    status: req(str('True, False or Unknown.')),
    type: req(str('Type of the condition.')),
  });
}

function conditionList(definition: string) {
  return listMap('State by aspect.', ['type'], workloadCondition(definition));
}

const deploymentCondition = struct('apps/v1.DeploymentCondition', 'One aspect of the state.', {
  lastTransitionTime: time('When the status last changed.'),
  lastUpdateTime: time('When it was last written.'),
  message: str('Details for people.'),
  reason: str('Reason of the last change.'),
  status: req(str('True, False or Unknown.')),
  type: req(str('Available, Progressing or ReplicaFailure.')),
});

/** Deployment. */
export const deploymentSchema = kindSchema(
  'apps/v1.Deployment',
  'Keeps replicas of a pod and rolls out changes of its template.',
  {
    spec: always(
      struct('apps/v1.DeploymentSpec', 'What the deployment shall be.', {
        minReadySeconds,
        paused: flag('Changes of the template are not rolled out.'),
        progressDeadlineSeconds: int32('Seconds without progress after which it has failed.', {
          ...count,
          default: 600,
        }),
        replicas: int32('How many pods there shall be.', { ...count, default: 1 }),
        revisionHistoryLimit,
        selector: req(selector),
        strategy: tuned(
          written(
            struct('apps/v1.DeploymentStrategy', 'How pods are replaced.', {
              rollingUpdate: struct('apps/v1.RollingUpdateDeployment', 'Limits while rolling.', {
                maxSurge: intOrString('How many pods may be added.', partOf),
                maxUnavailable: intOrString('How many pods may be missing.', {
                  checks: [isCountOrPercent, isNotMoreThan100Percent],
                }),
              }),
              type: str('Recreate or RollingUpdate.', { default: 'RollingUpdate' }),
            }),
          ),
          { patchStrategy: 'retainKeys' },
        ),
        template: reqValue(podTemplateSpec),
      }),
    ),
    status: written(
      struct('apps/v1.DeploymentStatus', 'What is known of the deployment.', {
        availableReplicas: num32('Pods ready for minReadySeconds.'),
        collisionCount,
        conditions: listMap('State by aspect.', ['type'], deploymentCondition),
        observedGeneration,
        readyReplicas: num32('Ready pods.'),
        replicas: num32('Pods.'),
        terminatingReplicas: int32('Pods that are ending.'),
        unavailableReplicas: num32('Pods that are missing.'),
        updatedReplicas: num32('Pods of the present template.'),
      }),
    ),
  },
);

/** ReplicaSet. */
export const replicaSetSchema = kindSchema('apps/v1.ReplicaSet', 'Keeps replicas of a pod.', {
  spec: always(
    struct('apps/v1.ReplicaSetSpec', 'What the replica set shall be.', {
      minReadySeconds,
      replicas: int32('How many pods there shall be.', { ...count, default: 1 }),
      selector: req(selector),
      template: always(doc('The pods to make.', podTemplateSpec)),
    }),
  ),
  status: written(
    struct('apps/v1.ReplicaSetStatus', 'What is known of the replica set.', {
      availableReplicas: num32('Pods ready for minReadySeconds.'),
      conditions: conditionList('apps/v1.ReplicaSetCondition'),
      fullyLabeledReplicas: num32('Pods with all labels of the template.'),
      observedGeneration,
      readyReplicas: num32('Ready pods.'),
      replicas: req(int32('Pods.', { default: 0 })),
      terminatingReplicas: int32('Pods that are ending.'),
    }),
  ),
});

const retention = { default: 'Retain', checks: [oneOf(['Retain', 'Delete'])] };

const claimRetention = struct(
  'apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy',
  'What becomes of the claims.',
  {
    whenDeleted: str('Retain or Delete, when the set is deleted.', retention),
    whenScaled: str('Retain or Delete, when the set is scaled down.', retention),
  },
);

/** StatefulSet. */
export const statefulSetSchema = kindSchema(
  'apps/v1.StatefulSet',
  'Keeps pods with stable names and volumes.',
  {
    spec: always(
      struct('apps/v1.StatefulSetSpec', 'What the set shall be.', {
        minReadySeconds,
        ordinals: struct('apps/v1.StatefulSetOrdinals', 'How pods are numbered.', {
          start: int32('Number of the first pod.', count),
        }),
        persistentVolumeClaimRetentionPolicy: claimRetention,
        podManagementPolicy: str('OrderedReady or Parallel.', { default: 'OrderedReady' }),
        replicas: int32('How many pods there shall be.', { ...count, default: 1 }),
        revisionHistoryLimit,
        selector: req(selector),
        serviceName: tuned(str('Headless service that gives the pods their names.'), {
          pointer: true,
        }),
        template: reqValue(podTemplateSpec),
        updateStrategy: written(
          struct('apps/v1.StatefulSetUpdateStrategy', 'How pods are replaced.', {
            rollingUpdate: struct(
              'apps/v1.RollingUpdateStatefulSetStrategy',
              'Limits while rolling.',
              {
                maxUnavailable: intOrString('How many pods may be missing.', partOf),
                partition: int32('Pods with a lower number are left alone.', count),
              },
            ),
            type: str('OnDelete or RollingUpdate.', { default: 'RollingUpdate' }),
          }),
        ),
        volumeClaimTemplates: list('Claims that each pod gets.', claimSchema),
      }),
    ),
    status: written(
      struct('apps/v1.StatefulSetStatus', 'What is known of the set.', {
        availableReplicas: int32('Pods ready for minReadySeconds.', { default: 0 }),
        collisionCount,
        conditions: conditionList('apps/v1.StatefulSetCondition'),
        currentReplicas: num32('Pods of the current revision.'),
        currentRevision: str('Revision of pods not yet updated.'),
        observedGeneration,
        readyReplicas: num32('Ready pods.'),
        replicas: req(int32('Pods.', { default: 0 })),
        updateRevision: str('Revision of updated pods.'),
        updatedReplicas: num32('Pods of the update revision.'),
      }),
    ),
  },
);

/** DaemonSet. */
export const daemonSetSchema = kindSchema('apps/v1.DaemonSet', 'Keeps one pod on each node.', {
  spec: always(
    struct('apps/v1.DaemonSetSpec', 'What the set shall be.', {
      minReadySeconds,
      revisionHistoryLimit,
      selector: req(selector),
      template: reqValue(podTemplateSpec),
      updateStrategy: written(
        struct('apps/v1.DaemonSetUpdateStrategy', 'How pods are replaced.', {
          rollingUpdate: struct('apps/v1.RollingUpdateDaemonSet', 'Limits while rolling.', {
            maxSurge: intOrString('How many nodes may have two pods.', partOf),
            maxUnavailable: intOrString('How many pods may be missing.', partOf),
          }),
          type: str('OnDelete or RollingUpdate.', { default: 'RollingUpdate' }),
        }),
      ),
    }),
  ),
  status: written(
    struct('apps/v1.DaemonSetStatus', 'What is known of the set.', {
      collisionCount,
      conditions: conditionList('apps/v1.DaemonSetCondition'),
      currentNumberScheduled: req(int32('Nodes that run a pod and should.', { default: 0 })),
      desiredNumberScheduled: req(int32('Nodes that should run a pod.', { default: 0 })),
      numberAvailable: num32('Nodes with an available pod.'),
      numberMisscheduled: req(int32('Nodes that run a pod and should not.', { default: 0 })),
      numberReady: req(int32('Nodes with a ready pod.', { default: 0 })),
      numberUnavailable: num32('Nodes without an available pod.'),
      observedGeneration,
      updatedNumberScheduled: num32('Nodes with a pod of the present template.'),
    }),
  ),
});

/** ControllerRevision. */
export const controllerRevisionSchema = kindSchema(
  'apps/v1.ControllerRevision',
  'A snapshot of the template of a StatefulSet or DaemonSet.',
  {
    data: anything('The snapshot.'),
    revision: req(
      tuned(num64('Number of the revision.', { checks: [isNonNegative] }), { pointer: true }),
    ),
  },
);
