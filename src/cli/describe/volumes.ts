/** Volumes of pods and templates. */
import type { PodSpec } from './containers.js';
import type { DescribeWriter } from './writer.js';

type Volume = NonNullable<PodSpec['volumes']>[number];
type Source = Readonly<Record<string, unknown>>;

/** A kind of volume: its line, and its fields with their titles and defaults. */
interface VolumeText {
  readonly text: string;
  readonly fields: readonly (readonly [title: string, value: (source: Source) => unknown])[];
}

const optional = (source: Source): unknown => source['optional'] ?? false;
const at =
  (name: string, fallback: unknown = '') =>
  (source: Source): unknown =>
    source[name] ?? fallback;

const listed =
  (name: string) =>
  (source: Source): string =>
    `[${((source[name] ?? []) as readonly string[]).join(' ')}]`;

const kinds: Readonly<Record<string, VolumeText>> = {
  hostPath: {
    text: 'HostPath (bare host directory volume)',
    fields: [
      ['Path', at('path')],
      ['HostPathType', at('type', '')],
    ],
  },
  emptyDir: {
    text: "EmptyDir (a temporary directory that shares a pod's lifetime)",
    fields: [
      ['Medium', at('medium')],
      ['SizeLimit', at('sizeLimit', '<unset>')],
    ],
  },
  secret: {
    text: 'Secret (a volume populated by a Secret)',
    fields: [
      ['SecretName', at('secretName')],
      ['Optional', optional],
    ],
  },
  configMap: {
    text: 'ConfigMap (a volume populated by a ConfigMap)',
    fields: [
      ['Name', at('name')],
      ['Optional', optional],
    ],
  },
  persistentVolumeClaim: {
    text: 'PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)',
    fields: [
      ['ClaimName', at('claimName')],
      ['ReadOnly', at('readOnly', false)],
    ],
  },
  ephemeral: {
    text: 'EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)',
    fields: [],
  },
  downwardAPI: {
    text: 'DownwardAPI (a volume populated by information about the pod)',
    fields: [],
  },
  nfs: {
    text: 'NFS (an NFS mount that lasts the lifetime of a pod)',
    fields: [
      ['Server', at('server')],
      ['Path', at('path')],
      ['ReadOnly', at('readOnly', false)],
    ],
  },
  csi: {
    text: 'CSI (a Container Storage Interface (CSI) volume source)',
    fields: [
      ['Driver', at('driver')],
      ['FSType', at('fsType')],
      ['ReadOnly', at('readOnly', false)],
    ],
  },
  iscsi: {
    text: "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
    fields: [
      ['TargetPortal', at('targetPortal')],
      ['IQN', at('iqn')],
      ['Lun', at('lun', 0)],
      ['ISCSIInterface', at('iscsiInterface')],
      ['FSType', at('fsType')],
      ['ReadOnly', at('readOnly', false)],
      ['Portals', listed('portals')],
      ['DiscoveryCHAPAuth', at('chapAuthDiscovery', false)],
      ['SessionCHAPAuth', at('chapAuthSession', false)],
      ['SecretRef', ({ secretRef }) => (secretRef === undefined ? 'nil' : secretRef)],
      ['InitiatorName', at('initiatorName', '<none>')],
    ],
  },
  gitRepo: {
    text: 'GitRepo (a volume that is pulled from git when the pod is created)',
    fields: [
      ['Repository', at('repository')],
      ['Revision', at('revision')],
    ],
  },
  image: {
    text: 'Image (a container image or OCI artifact)',
    fields: [
      ['Reference', at('reference')],
      ['PullPolicy', at('pullPolicy')],
    ],
  },
  fc: {
    text: 'FC (a Fibre Channel disk)',
    fields: [
      ['TargetWWNs', ({ targetWWNs }) => ((targetWWNs ?? []) as readonly string[]).join(', ')],
      ['LUN', at('lun', '<none>')],
      ['FSType', at('fsType')],
      ['ReadOnly', at('readOnly', false)],
    ],
  },
  local: {
    text: 'LocalVolume (a persistent volume backed by local storage on a node)',
    fields: [['Path', at('path')]],
  },
};

/** The volumes of a pod. @param space of a template */
export function writeVolumes(
  writer: DescribeWriter,
  volumes: readonly Volume[] | undefined,
  space = '',
): void {
  if (volumes === undefined || volumes.length === 0) {
    writer.line(0, `${space}Volumes:\t<none>`);
    return;
  }
  writer.line(0, `${space}Volumes:`);
  for (const volume of volumes) {
    writer.line(1, `${space === '' ? '' : ' '}${volume.name}:`);
    writeSource(writer, volume);
  }
}

/** The source of a volume, whichever of the known ones it is. */
export function writeSource(writer: DescribeWriter, holder: Source): void {
  const name = Object.keys(holder).find((key) => key === 'projected' || Object.hasOwn(kinds, key));
  const source = (name === undefined ? {} : (holder[name] ?? {})) as Source;
  if (name === 'projected') {
    writeProjected(writer, source);
    return;
  }
  const kind = kinds[name ?? ''];
  if (kind === undefined) {
    writer.line(2, '<unknown>');
    return;
  }
  writer.field(2, 'Type', kind.text);
  for (const [title, value] of kind.fields) {
    if (title === 'ReadOnly' && 'volumeHandle' in source) {
      writer.field(2, 'VolumeHandle', source['volumeHandle']);
    }
    // The only title that kubectl writes without a colon.
    if (title === 'ISCSIInterface') writer.line(2, `${title}\t${String(value(source))}`);
    else writer.field(2, title, value(source));
  }
  if (name === 'csi') writeAttributes(writer, source);
  if (name === 'downwardAPI') writeItems(writer, source);
  if (name === 'ephemeral') writeClaimTemplate(writer, source);
}

/** The attributes of a driver; kubectl sets each value two levels further in. */
function writeAttributes(writer: DescribeWriter, source: Source): void {
  const pairs = Object.entries((source['volumeAttributes'] ?? {}) as Record<string, string>)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  const [first, ...rest] = pairs;
  writer.line(2, `VolumeAttributes:\t${first === undefined ? '<none>' : `    ${first}`}`);
  for (const pair of rest) writer.line(2, `    \t    ${pair}`);
}

/** The claim that is made with a pod. */
function writeClaimTemplate(writer: DescribeWriter, source: Source): void {
  const template = source['volumeClaimTemplate'] as
    | {
        readonly metadata?: {
          readonly labels?: Record<string, string>;
          readonly annotations?: Record<string, string>;
        };
        readonly spec: { readonly storageClassName?: string; readonly volumeMode?: string };
      }
    | undefined;
  if (template === undefined) return;
  const { metadata, spec } = template;
  writer.field(2, 'StorageClass', spec.storageClassName ?? '');
  writer.field(2, 'Volume', '');
  // Its lines are those of a claim, but for these two, which begin in a column of their own.
  writer.line(2, `Labels:\t${pairLines(metadata?.labels, '=')}`);
  writer.line(2, `Annotations:\t${pairLines(metadata?.annotations, ': ')}`);
  writer.field(2, 'Capacity', '');
  writer.field(2, 'Access Modes', '');
  if (spec.volumeMode !== undefined) writer.field(2, 'VolumeMode', spec.volumeMode);
}

function pairLines(pairs: Readonly<Record<string, string>> | undefined, between: string): string {
  const lines = Object.entries(pairs ?? {}).map(([key, value]) => `    ${key}${between}${value}`);
  return lines.length === 0 ? '<none>' : lines.sort().join('\n    \t');
}

function writeProjected(writer: DescribeWriter, source: Source): void {
  writer.field(2, 'Type', 'Projected (a volume that contains injected data from multiple sources)');
  for (const part of (source['sources'] ?? []) as readonly Source[]) {
    const { secret, configMap, serviceAccountToken, downwardAPI } = part as Record<
      string,
      Source | undefined
    >;
    if (secret !== undefined) {
      writer.field(2, 'SecretName', secret['name']);
      writer.field(2, 'Optional', optional(secret));
    } else if (configMap !== undefined) {
      writer.field(2, 'ConfigMapName', configMap['name']);
      writer.field(2, 'Optional', optional(configMap));
    } else if (serviceAccountToken !== undefined) {
      writer.field(2, 'TokenExpirationSeconds', serviceAccountToken['expirationSeconds'] ?? 3600);
    } else if (downwardAPI !== undefined) writer.field(2, 'DownwardAPI', 'true');
  }
}

function writeItems(writer: DescribeWriter, source: Source): void {
  writer.line(2, 'Items:');
  for (const item of (source['items'] ?? []) as readonly {
    fieldRef?: { fieldPath: string };
    resourceFieldRef?: { resource: string };
    path: string;
  }[]) {
    writer.line(
      3,
      `${item.fieldRef?.fieldPath ?? item.resourceFieldRef?.resource ?? ''} -> ${item.path}`,
    );
  }
}
