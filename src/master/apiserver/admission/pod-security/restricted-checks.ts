/** The checks of the restricted level: what hardened pods do beside the baseline. */
import type { Volume } from '../../../../api/types/core.js';
import type { Check, CheckPod } from './checks.js';
import {
  containersNamed,
  exceptWindows,
  isRelaxed,
  namesWhere,
  plural,
  quoted,
  setters,
  sorted,
} from './checks.js';
import { seccompRequired } from './seccomp-checks.js';

const allowPrivilegeEscalation: CheckPod = (subject) => {
  const bad = namesWhere(
    subject,
    ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false,
  );
  if (bad.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containersNamed(bad)} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

const capabilities: CheckPod = (subject) => {
  const added = new Set<string>();
  const keeping = namesWhere(
    subject,
    ({ securityContext }) => securityContext?.capabilities?.drop?.includes('ALL') !== true,
  );
  const adding = namesWhere(subject, ({ securityContext }) => {
    const beyond = (securityContext?.capabilities?.add ?? []).filter(
      (name) => name !== 'NET_BIND_SERVICE',
    );
    for (const name of beyond) added.add(name);
    return beyond.length > 0;
  });
  const details: string[] = [];
  if (keeping.length > 0) {
    details.push(`${containersNamed(keeping)} must set securityContext.capabilities.drop=["ALL"]`);
  }
  if (adding.length > 0) {
    const list = quoted(sorted(added));
    details.push(
      `${containersNamed(adding)} must not include ${list} in securityContext.capabilities.add`,
    );
  }
  if (details.length === 0) return undefined;
  return { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const satisfies readonly (keyof Volume)[];

/** In the order in which a volume with several sources is named. */
const restrictedVolumes = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
] as const satisfies readonly (keyof Volume)[];

const volumeTypes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(
    (volume) => !allowedVolumes.some((type) => volume[type] !== undefined),
  );
  if (bad.length === 0) return undefined;
  const types = sorted(
    bad.map((volume) => restrictedVolumes.find((type) => volume[type] !== undefined) ?? 'unknown'),
  );
  const list = quoted(bad.map(({ name }) => name));
  const uses = plural('uses', bad.length, 'use');
  const what = plural('restricted volume type', types.length);
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', bad.length)} ${list} ${uses} ${what} ${quoted(types)}`,
  };
};

const runAsNonRoot: CheckPod = (subject) => {
  if (isRelaxed(subject)) return undefined;
  const reason = 'runAsNonRoot != true';
  const ofPod = subject.spec.securityContext?.runAsNonRoot;
  const refusing = namesWhere(
    subject,
    ({ securityContext }) => securityContext?.runAsNonRoot === false,
  );
  const who = setters(ofPod === false, refusing);
  if (who.length > 0) {
    const text = 'must not set securityContext.runAsNonRoot=false';
    return { reason, detail: `${who.join(' and ')} ${text}` };
  }
  const open = namesWhere(
    subject,
    ({ securityContext }) => securityContext?.runAsNonRoot === undefined && ofPod !== true,
  );
  if (open.length === 0) return undefined;
  const text = 'must set securityContext.runAsNonRoot=true';
  return { reason, detail: `pod or ${containersNamed(open)} ${text}` };
};

const runAsUser: CheckPod = (subject) => {
  if (isRelaxed(subject)) return undefined;
  const bad = namesWhere(subject, ({ securityContext }) => securityContext?.runAsUser === 0);
  const who = setters(subject.spec.securityContext?.runAsUser === 0, bad);
  if (who.length === 0) return undefined;
  return { reason: 'runAsUser=0', detail: `${who.join(' and ')} must not set runAsUser=0` };
};

/** Sorted by id, which is the order of the messages. */
export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    versions: [
      { since: 8, check: allowPrivilegeEscalation },
      { since: 25, check: exceptWindows(allowPrivilegeEscalation) },
    ],
  },
  {
    id: 'capabilities_restricted',
    overrides: 'capabilities_baseline',
    versions: [
      { since: 22, check: capabilities },
      { since: 25, check: exceptWindows(capabilities) },
    ],
  },
  {
    id: 'restrictedVolumes',
    overrides: 'hostPathVolumes',
    versions: [{ since: 0, check: volumeTypes }],
  },
  { id: 'runAsNonRoot', versions: [{ since: 0, check: runAsNonRoot }] },
  { id: 'runAsUser', versions: [{ since: 23, check: runAsUser }] },
  {
    id: 'seccompProfile_restricted',
    overrides: 'seccompProfile_baseline',
    versions: [
      { since: 19, check: seccompRequired },
      { since: 25, check: exceptWindows(seccompRequired) },
    ],
  },
];
