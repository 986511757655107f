import type { Objects } from '../registry/objects.js';
import type { AdmissionPlugin } from './chain.js';
import { certificateRequests } from './certificates.js';
import { customResources } from './custom-resources.js';
import { limitRanger } from './limit-ranger.js';
import { namespaceLifecycle } from './namespace-lifecycle.js';
import { nodeRestriction } from './node-restriction.js';
import { priority } from './priority.js';
import { resourceQuota } from './quota/plugin.js';
import { serviceAccount } from './service-account.js';
import { tolerationSeconds } from './toleration-seconds.js';
import type { DialPod } from './webhook/destination.js';
import { mutatingWebhooks, validatingWebhooks } from './webhook/plugin.js';
import { namespaceDefaults } from './namespace-defaults.js';
import { storageDefaults } from './storage-defaults.js';

/** The plugins in kube-apiserver's order, without those that were switched off. */
export function admissionPlugins(
  objects: Objects,
  disabled: ReadonlySet<string>,
  dialPod: DialPod,
): AdmissionPlugin[] {
  const plugins = [
    namespaceLifecycle(objects),
    customResources(objects),
    limitRanger(objects),
    namespaceDefaults(),
    serviceAccount(objects),
    nodeRestriction(),
    priority(objects),
    certificateRequests(objects),
    tolerationSeconds(),
    ...storageDefaults(objects),
    mutatingWebhooks({ objects, dialPod }),
    validatingWebhooks({ objects, dialPod }),
    resourceQuota(objects),
  ];
  return plugins.filter((plugin) => !disabled.has(plugin.name));
}
