/** Which kind is described how, and what beside it is read for that. */
import type { KubeObject } from '../../api/object.js';
import { describeBinding, describeRole } from './access.js';
import { describeAutoscaler } from './autoscaler.js';
import type { DescribeFacts } from './common.js';
import {
  describeConfigMap,
  describeLimitRange,
  describeNamespace,
  describeQuota,
  describeSecret,
  describeServiceAccount,
} from './config.js';
import { describeEndpoints, describeEndpointSlice, describeIngressClass } from './endpoints.js';
import { describeGeneric } from './generic.js';
import { describeCronJob, describeJob } from './jobs.js';
import { describeNode } from './node.js';
import { describePod } from './pod.js';
import { describeBudget, describeNetworkPolicy, describePriorityClass } from './policies.js';
import { describeIngress, describeService } from './services.js';
import { describeClaim, describeCsiNode, describeStorageClass, describeVolume } from './storage.js';
import {
  describeDaemonSet,
  describeDeployment,
  describeReplicaSet,
  describeStatefulSet,
} from './workloads.js';
import { DescribeWriter } from './writer.js';

/** A list that a description needs. */
export interface Related {
  readonly name: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

interface Describer {
  readonly describe: (writer: DescribeWriter, object: never, facts: DescribeFacts) => void;
  readonly related?: (object: KubeObject) => readonly Related[];
}

const podsBeside = ({ metadata: { namespace = '' } }: KubeObject): Related[] => [
  { name: 'pods', resource: 'pods', namespace },
];
const inGroup = (group: string, kind: string): string => `${group}/${kind}`;
const rbac = 'rbac.authorization.k8s.io';

const describers: Readonly<Record<string, Describer>> = {
  '/Pod': { describe: describePod },
  '/Node': {
    describe: describeNode,
    related: ({ metadata: { name } }) => [
      { name: 'pods', resource: 'pods', fieldSelector: `spec.nodeName=${name}` },
      {
        name: 'lease',
        resource: 'leases.coordination.k8s.io',
        namespace: 'kube-node-lease',
        fieldSelector: `metadata.name=${name}`,
      },
    ],
  },
  '/Service': {
    describe: describeService,
    related: ({ metadata: { name, namespace = '' } }) => [
      {
        name: 'endpointslices',
        resource: 'endpointslices.discovery.k8s.io',
        namespace,
        labelSelector: `kubernetes.io/service-name=${name}`,
      },
    ],
  },
  '/ConfigMap': { describe: describeConfigMap },
  '/Secret': { describe: describeSecret },
  '/ServiceAccount': {
    describe: describeServiceAccount,
    related: ({ metadata: { namespace = '' } }) => [
      { name: 'secrets', resource: 'secrets', namespace },
    ],
  },
  '/LimitRange': { describe: describeLimitRange },
  '/Endpoints': { describe: describeEndpoints },
  '/Namespace': {
    describe: describeNamespace,
    related: ({ metadata: { name } }) =>
      ['resourcequotas', 'limitranges'].map((resource) => ({
        name: resource,
        resource,
        namespace: name,
      })),
  },
  '/ResourceQuota': { describe: describeQuota },
  '/ReplicationController': { describe: describeReplicaSet, related: podsBeside },
  '/PersistentVolumeClaim': { describe: describeClaim, related: podsBeside },
  '/PersistentVolume': { describe: describeVolume },
  [inGroup('storage.k8s.io', 'StorageClass')]: { describe: describeStorageClass },
  [inGroup('storage.k8s.io', 'CSINode')]: { describe: describeCsiNode },
  [inGroup('discovery.k8s.io', 'EndpointSlice')]: { describe: describeEndpointSlice },
  [inGroup('networking.k8s.io', 'IngressClass')]: { describe: describeIngressClass },
  [inGroup('networking.k8s.io', 'NetworkPolicy')]: { describe: describeNetworkPolicy },
  [inGroup('policy', 'PodDisruptionBudget')]: { describe: describeBudget },
  [inGroup('scheduling.k8s.io', 'PriorityClass')]: { describe: describePriorityClass },
  [inGroup('autoscaling', 'HorizontalPodAutoscaler')]: { describe: describeAutoscaler },
  [inGroup('apps', 'Deployment')]: {
    describe: describeDeployment,
    related: ({ metadata: { namespace = '' } }) => [
      { name: 'replicasets', resource: 'replicasets.apps', namespace },
    ],
  },
  [inGroup('apps', 'ReplicaSet')]: { describe: describeReplicaSet, related: podsBeside },
  [inGroup('apps', 'DaemonSet')]: { describe: describeDaemonSet, related: podsBeside },
  [inGroup('apps', 'StatefulSet')]: { describe: describeStatefulSet, related: podsBeside },
  [inGroup('batch', 'Job')]: { describe: describeJob },
  [inGroup('batch', 'CronJob')]: { describe: describeCronJob },
  [inGroup('networking.k8s.io', 'Ingress')]: {
    describe: describeIngress,
    related: ({ metadata: { namespace = '' } }) => [
      { name: 'services', resource: 'services', namespace },
      { name: 'endpointslices', resource: 'endpointslices.discovery.k8s.io', namespace },
    ],
  },
  [inGroup(rbac, 'Role')]: { describe: describeRole },
  [inGroup(rbac, 'ClusterRole')]: { describe: describeRole },
  [inGroup(rbac, 'RoleBinding')]: { describe: describeBinding },
  [inGroup(rbac, 'ClusterRoleBinding')]: { describe: describeBinding },
};

function describerOf({ apiVersion = '', kind = '' }: KubeObject): Describer {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return describers[inGroup(group, kind)] ?? { describe: describeGeneric };
}

/** The lists that an object's description needs. */
export function relatedOf(object: KubeObject): readonly Related[] {
  return describerOf(object).related?.(object) ?? [];
}

/** An object in words. */
export function describeObject(object: KubeObject, facts: DescribeFacts): string {
  const writer = new DescribeWriter();
  describerOf(object).describe(writer, object as never, facts);
  return writer.text();
}
