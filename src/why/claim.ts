/** Claims of storage that have no volume. Pure. */
import type { KubeObject } from '../api/object.js';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../api/types/core.js';
import type { StorageClass } from '../api/types/policy.js';
import { amountOf } from '../api/facts/pod-requests.js';
import { classOfClaim, classOfVolume, selectedNodeAnnotation } from '../api/facts/volume-match.js';
import { compileSelector } from '../api/facts/selectors.js';
import { formatAmount } from './amounts.js';
import { explainDeletion, usersOf } from './deletion.js';
import type { Finding } from './finding.js';
import { count, well } from './finding.js';
import type { ClusterView } from './view.js';
import { eventTime, nameOf } from './view.js';

/**
 * Why a claim is not bound.
 * @param pod that is explained by its claim: one that waits for it is not told that it waits
 */
export function explainClaim(
  claim: PersistentVolumeClaim,
  view: ClusterView,
  { pod }: { readonly pod?: Pod } = {},
): Finding {
  const dying = explainDeletion(claim, view);
  if (dying !== undefined) return dying;
  const about = nameOf(claim);
  const { phase = 'Pending' } = claim.status ?? {};
  if (phase === 'Bound') return bound(claim, view);
  if (phase === 'Lost') {
    const volume = claim.spec.volumeName ?? '';
    return {
      about,
      level: 'problem',
      says: `is bound to volume ${volume}, which does not exist any more: its data is lost to it`,
      mend: [
        { words: 'delete the claim and make it anew, or make a volume of that name with the data' },
      ],
    };
  }
  const since = claim.metadata.creationTimestamp;
  const cause = pending(claim, view, pod);
  return { ...cause, about, since };
}

function bound(claim: PersistentVolumeClaim, view: ClusterView): Finding {
  const asked = claim.spec.resources?.requests?.['storage'] ?? '0';
  const has = claim.status?.capacity?.['storage'] ?? asked;
  const about = nameOf(claim);
  if (amountOf('storage', has) >= amountOf('storage', asked)) {
    return well(about, `is bound to volume ${claim.spec.volumeName ?? ''}`);
  }
  const storageClass = findClass(view, classOfClaim(claim));
  const says = `has ${has} and asks for ${asked}: it has not been enlarged`;
  const grows = storageClass?.allowVolumeExpansion === true;
  return {
    about,
    level: 'problem',
    says,
    details: grows
      ? []
      : ['its storage class does not allow that volumes grow (allowVolumeExpansion)'],
  };
}

function findClass(view: ClusterView, name: string): StorageClass | undefined {
  return view.list<StorageClass>('storageclasses').find(({ metadata }) => metadata.name === name);
}

type Cause = Omit<Finding, 'about' | 'since'>;

function pending(claim: PersistentVolumeClaim, view: ClusterView, pod: Pod | undefined): Cause {
  const named = claim.spec.volumeName ?? '';
  if (named !== '') return namedVolume(claim, named, view);
  const name = classOfClaim(claim);
  const storageClass = findClass(view, name);
  if (name === '') return withoutClass(claim, view);
  if (storageClass === undefined) {
    if (!view.knows('storageclasses')) return { level: 'waiting', says: 'is not bound yet' };
    const names = view.list('storageclasses').map(({ metadata }) => metadata.name);
    return {
      level: 'problem',
      says: `asks for the storage class ${name}, which does not exist`,
      details: [
        names.length === 0
          ? 'there is no storage class'
          : `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`,
      ],
      mend: [
        {
          words:
            'delete the claim and make it anew with a class that exists (the class of a claim cannot be changed)',
          command: `trireme delete pvc ${claim.metadata.name}${view.flag(claim.metadata.namespace)}`,
        },
      ],
    };
  }
  const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
  if (storageClass.volumeBindingMode === 'WaitForFirstConsumer' && selected === undefined) {
    return waitsForPod(claim, view, pod);
  }
  if (storageClass.provisioner === 'kubernetes.io/no-provisioner') return noVolumeFits(claim, view);
  return provisioning(claim, storageClass, view);
}

function waitsForPod(claim: PersistentVolumeClaim, view: ClusterView, pod: Pod | undefined): Cause {
  if (pod !== undefined) return { level: 'ok', says: 'is bound when its pod has a node' };
  const users = usersOf(claim, view);
  const first = users[0];
  if (first === undefined) {
    return {
      level: 'waiting',
      says: 'waits for a pod that uses it: its storage class binds it only then (WaitForFirstConsumer)',
      mend: [{ words: 'nothing is wrong; start a pod with a volume of this claim' }],
    };
  }
  return {
    level: 'waiting',
    says: `waits for ${nameOf(first)} to get a node`,
    mend: [
      {
        words: 'see why it has none',
        command: `trireme why ${nameOf(first)}${view.flag(first.metadata.namespace)}`,
      },
    ],
  };
}

function provisioning(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  view: ClusterView,
): Cause {
  const failed = view.lastEvent(claim, 'ProvisioningFailed');
  const { provisioner } = storageClass;
  if (failed !== undefined) {
    return {
      level: 'problem',
      says: `the provisioner ${provisioner} cannot make a volume`,
      details: [`${failed.message ?? ''} (last at ${eventTime(failed)})`],
    };
  }
  const own = provisioner.startsWith('trireme.dev/');
  return {
    level: 'waiting',
    says: `waits for the provisioner ${provisioner} to make a volume`,
    mend: own ? [] : [{ words: `see whether ${provisioner} runs; it is not part of the cluster` }],
  };
}

function withoutClass(claim: PersistentVolumeClaim, view: ClusterView): Cause {
  const fit = noVolumeFits(claim, view);
  const isOpen = claim.spec.storageClassName === undefined;
  return {
    ...fit,
    says: `${isOpen ? 'names no storage class, there is no default one' : 'wants no storage class'}, and ${fit.says.replace(/^has no volume: /, '')}`,
  };
}

/** Says of each volume why it is not the claim's. */
function noVolumeFits(claim: PersistentVolumeClaim, view: ClusterView): Cause {
  const volumes = view.list<PersistentVolume>('persistentvolumes');
  const reasons = volumes.map(
    (volume) => `volume ${volume.metadata.name} ${misfit(claim, volume)}`,
  );
  const size = claim.spec.resources?.requests?.['storage'] ?? '0';
  const modes = (claim.spec.accessModes ?? []).join(', ');
  const shown = reasons.slice(0, 5);
  const more = reasons.length - shown.length;
  return {
    level: 'problem',
    says: `has no volume: ${volumes.length === 0 ? 'there is none' : `none of ${count(volumes.length, 'volume')} fits`}`,
    details: [...shown, ...(more > 0 ? [`and ${more} more`] : [])],
    mend: [
      {
        words: `make a PersistentVolume of ${size} or more with ${modes}${classOfClaim(claim) === '' ? '' : ` and the class ${classOfClaim(claim)}`}`,
      },
    ],
  };
}

function misfit(claim: PersistentVolumeClaim, volume: PersistentVolume): string {
  const { claimRef, capacity, accessModes = [], volumeMode = 'Filesystem' } = volume.spec;
  const wanted = amountOf('storage', claim.spec.resources?.requests?.['storage'] ?? '0');
  const size = amountOf('storage', capacity?.['storage'] ?? '0');
  const missing = (claim.spec.accessModes ?? []).filter((mode) => !accessModes.includes(mode));
  if (classOfVolume(volume) !== classOfClaim(claim)) {
    const name = classOfVolume(volume);
    return name === '' ? 'has no storage class' : `has the storage class ${name}`;
  }
  if (size < wanted)
    return `is too small: ${formatAmount('storage', size)} of ${formatAmount('storage', wanted)}`;
  if (missing.length > 0) return `does not offer ${missing.join(', ')}`;
  if ((claim.spec.volumeMode ?? 'Filesystem') !== volumeMode)
    return `is a volume of mode ${volumeMode}`;
  if (
    claim.spec.selector !== undefined &&
    !compileSelector(claim.spec.selector)(volume.metadata.labels)
  ) {
    return "does not have the labels of the claim's selector";
  }
  if (claimRef !== undefined)
    return `belongs to claim ${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`;
  return `is ${volume.status?.phase ?? 'not available'}`;
}

function namedVolume(claim: PersistentVolumeClaim, name: string, view: ClusterView): Cause {
  const volume = view
    .list<PersistentVolume & KubeObject>('persistentvolumes')
    .find(({ metadata }) => metadata.name === name);
  if (volume === undefined) {
    if (!view.knows('persistentvolumes'))
      return { level: 'waiting', says: `waits for volume ${name}` };
    return {
      level: 'problem',
      says: `names volume ${name}, which does not exist`,
      mend: [{ words: 'make the volume' }],
    };
  }
  const owner = volume.spec.claimRef;
  if (
    owner !== undefined &&
    (owner.name !== claim.metadata.name || owner.namespace !== claim.metadata.namespace)
  ) {
    return {
      level: 'problem',
      says: `names volume ${name}, which belongs to claim ${owner.namespace ?? ''}/${owner.name ?? ''}`,
    };
  }
  return { level: 'waiting', says: `waits to be bound to volume ${name}` };
}
