import {
  createRootCaPublisher,
  createServiceAccountController,
} from './accounts/namespace-defaults.js';
import { createTokenCleaner, createTokenController } from './accounts/token-secrets.js';
import { createAutoscalerController } from './autoscaler/controller.js';
import {
  createApprovingController,
  createRequestCleaner,
} from './certificates/approving-controller.js';
import { createSigningController } from './certificates/signing-controller.js';
import { createCronJobController } from './cronjob/controller.js';
import { createDaemonSetController } from './daemonset/controller.js';
import { createDeploymentController } from './deployment/controller.js';
import { createClusterDnsController } from './dns/controller.js';
import { createEndpointsController } from './endpoints/endpoints-controller.js';
import { createEndpointSliceMirroringController } from './endpoints/mirroring-controller.js';
import { createEndpointSliceController } from './endpoints/slices-controller.js';
import { createGarbageCollector } from './garbage/controller.js';
import { createJobController } from './job/controller.js';
import { createLoadBalancerController } from './load-balancer/controller.js';
import { createNamespaceController } from './namespace/controller.js';
import { createNodeIpamController } from './node/ipam.js';
import { createJoinRecordCleaner } from './node/join-records.js';
import { createNodeLifecycleController } from './node/lifecycle.js';
import { createPodGarbageCollector } from './node/pod-gc.js';
import { createTaintEvictionController } from './node/taint-eviction.js';
import { createClusterRoleAggregation } from './policy/cluster-role-aggregation.js';
import { createDisruptionController } from './policy/disruption.js';
import { createQuotaController } from './policy/quota.js';
import { createStaleDisruption } from './policy/stale-disruption.js';
import {
  createReplicaSetController,
  createReplicationControllerController,
} from './replicaset/controller.js';
import type { ControllerContext } from './context.js';
import type { Controller } from '../../client/controller/reconciler.js';
import { createServiceCidrController } from './service-cidrs/controller.js';
import { createAddressRepair } from './service-cidrs/repair.js';
import { createStatefulSetController } from './statefulset/controller.js';
import { createVolumeBinder } from './volumes/binder.js';
import { createEphemeralVolumeController } from './volumes/ephemeral.js';
import { createVolumeExpansion } from './volumes/expansion.js';
import { createVolumeProtection } from './volumes/protection.js';
import { createLocalPathProvisioner } from './volumes/provisioner.js';

type Create = (context: ControllerContext) => Controller[];

/** Every controller by the name that `--controllers` takes. */
export const registry: Readonly<Record<string, Create>> = {
  'garbage-collector-controller': (context) => [createGarbageCollector(context)],
  'namespace-controller': (context) => [createNamespaceController(context)],
  'serviceaccount-controller': (context) => [createServiceAccountController(context)],
  'root-ca-certificate-publisher-controller': createRootCaPublisher,
  'serviceaccount-token-controller': createTokenController,
  'token-cleaner-controller': (context) => [createTokenCleaner(context)],
  'certificatesigningrequest-signing-controller': createSigningController,
  'certificatesigningrequest-approving-controller': (context) => [
    createApprovingController(context),
  ],
  'certificatesigningrequest-cleaner-controller': (context) => [createRequestCleaner(context)],
  'node-ipam-controller': createNodeIpamController,
  'join-record-cleaner-controller': (context) => [createJoinRecordCleaner(context)],
  'node-lifecycle-controller': (context) => [createNodeLifecycleController(context)],
  'taint-eviction-controller': (context) => [createTaintEvictionController(context)],
  'pod-garbage-collector-controller': (context) => [createPodGarbageCollector(context)],
  'deployment-controller': (context) => [createDeploymentController(context)],
  'replicaset-controller': (context) => [createReplicaSetController(context)],
  'replicationcontroller-controller': (context) => [createReplicationControllerController(context)],
  'statefulset-controller': (context) => [createStatefulSetController(context)],
  'daemonset-controller': (context) => [createDaemonSetController(context)],
  'job-controller': createJobController,
  'cronjob-controller': (context) => [createCronJobController(context)],
  'horizontal-pod-autoscaler-controller': (context) => [createAutoscalerController(context)],
  'disruption-controller': (context) => [
    createDisruptionController(context),
    createStaleDisruption(context),
  ],
  'resourcequota-controller': (context) => [createQuotaController(context)],
  'clusterrole-aggregation-controller': (context) => [createClusterRoleAggregation(context)],
  'endpoints-controller': (context) => [createEndpointsController(context)],
  'endpointslice-controller': (context) => [createEndpointSliceController(context)],
  'endpointslice-mirroring-controller': (context) => [
    createEndpointSliceMirroringController(context),
  ],
  'service-cidr-controller': (context) => [createServiceCidrController(context)],
  'ipallocator-repair-controller': createAddressRepair,
  'cluster-dns-controller': createClusterDnsController,
  'load-balancer-pool-controller': (context) => [createLoadBalancerController(context)],
  'persistentvolume-binder-controller': createVolumeBinder,
  'persistentvolume-expander-controller': (context) => [createVolumeExpansion(context)],
  'persistentvolume-protection-controller': createVolumeProtection,
  'ephemeral-volume-controller': (context) => [createEphemeralVolumeController(context)],
  'local-path-provisioner-controller': createLocalPathProvisioner,
};
