import type { KindRegistry } from '../../../api/registry.js';
import type { Authorization } from '../authz/authorizers.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionPlugin } from './chain.js';
import { certificateRequests } from './certificates.js';
import { claimResize } from './claim-resize.js';
import { customResources } from './custom-resources.js';
import { limitRanger } from './limit-ranger.js';
import { namespaceLifecycle } from './namespace-lifecycle.js';
import { nodeRestriction } from './node-restriction.js';
import type { PodSecurityConfiguration } from './pod-security/configuration.js';
import type { PolicyTurns } from './policy/evaluations.js';
import { validatingPolicies } from './policy/plugin.js';
import { podSecurity } from './pod-security/plugin.js';
import { priority } from './priority.js';
import { resourceQuota } from './quota/plugin.js';
import { runtimeClass } from './runtime-class.js';
import { serviceAccount } from './service-account.js';
import { tolerationSeconds } from './toleration-seconds.js';
import type { DialPod } from '../subresources/dial-pod.js';
import { mutatingWebhooks, validatingWebhooks } from './webhook/plugin.js';
import { namespaceDefaults } from './namespace-defaults.js';
import { storageDefaults } from './storage-defaults.js';
import { storageProtection } from './storage-protection.js';

/** The dependencies and settings of the chain of plugins. */
export interface AdmissionOptions {
  readonly objects: Objects;
  /** Names of plugins to leave out. */
  readonly disabled: ReadonlySet<string>;
  readonly podSecurity: PodSecurityConfiguration;
  readonly dialPod: DialPod;
  readonly authorization: Authorization;
  readonly kinds: KindRegistry;
  /** Unset: expressions are evaluated at once, however long they take. */
  readonly turns?: PolicyTurns | undefined;
}

/** The plugins in kube-apiserver's order, without those that were switched off. */
export function admissionPlugins(options: AdmissionOptions): AdmissionPlugin[] {
  const { objects, disabled, dialPod, authorization, turns } = options;
  const plugins = [
    namespaceLifecycle(objects),
    customResources(objects),
    limitRanger(objects),
    namespaceDefaults(),
    serviceAccount(objects),
    nodeRestriction(objects),
    podSecurity(objects, options.podSecurity),
    priority(objects),
    tolerationSeconds(),
    ...storageDefaults(objects),
    storageProtection(),
    claimResize(objects),
    runtimeClass(objects),
    ...certificateRequests(objects, authorization),
    mutatingWebhooks({ objects, dialPod, authorization, turns }),
    validatingPolicies({ objects, authorization, kinds: options.kinds, turns }),
    validatingWebhooks({ objects, dialPod, authorization, turns }),
    resourceQuota(objects),
  ];
  return plugins.filter((plugin) => !disabled.has(plugin.name));
}
