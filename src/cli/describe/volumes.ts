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
  for (const [title, value] of kind.fields) writer.field(2, title, value(source));
  if (name === 'downwardAPI') writeItems(writer, source);
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
