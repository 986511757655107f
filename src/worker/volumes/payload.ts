/** The files of volumes that are made of API objects: pure, from objects to paths, bytes and modes. */
import type { ConfigMap, Pod, Secret, Volume } from '../../api/types/core.js';
import type { ConfigSource } from '../env.js';
import type { NodeFacts } from '../pod-fields.js';
import { containersOf, podField, resourceField } from '../pod-fields.js';
import { checkedPayload } from './payload-checks.js';
import { VolumeError } from './volume-error.js';
import type { VolumeFile } from './volume-file.js';

/** The inputs of a volume's files. */
export interface PayloadOptions {
  readonly pod: Pod;
  readonly source: ConfigSource;
  readonly facts: NodeFacts;
  /** Tokens that were fetched for the volume's projections, by {@link tokenKey}. */
  readonly tokens: ReadonlyMap<string, string>;
}

type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type TokenProjection = NonNullable<ProjectedSource['serviceAccountToken']>;
type Items = readonly {
  readonly key: string;
  readonly path: string;
  readonly mode?: number | undefined;
}[];

const defaultFileMode = 0o644;
const tokenFileMode = 0o600;

/** Names a token by what it is for. */
export function tokenKey(projection: TokenProjection): string {
  return `${projection.audience ?? ''}|${projection.expirationSeconds ?? 3600}`;
}

/** The token projections of a volume. */
export function tokenProjections(volume: Volume): readonly TokenProjection[] {
  return (volume.projected?.sources ?? []).flatMap((source) =>
    source.serviceAccountToken === undefined ? [] : [source.serviceAccountToken],
  );
}

/** True for volumes whose files this module makes. */
export function hasPayload(volume: Volume): boolean {
  return (
    volume.configMap !== undefined ||
    volume.secret !== undefined ||
    volume.downwardAPI !== undefined ||
    volume.projected !== undefined
  );
}

/** @throws VolumeError, or PodFieldError from the downward API */
export function volumePayload(volume: Volume, options: PayloadOptions): VolumeFile[] {
  return checkedPayload(filesOf(volume, options));
}

function filesOf(volume: Volume, options: PayloadOptions): VolumeFile[] {
  if (volume.configMap !== undefined) {
    const { name = '', items, optional, defaultMode = defaultFileMode } = volume.configMap;
    return configMapFiles(options, { name, items, optional }, defaultMode);
  }
  if (volume.secret !== undefined) {
    const { secretName = '', items, optional, defaultMode = defaultFileMode } = volume.secret;
    return secretFiles(options, { name: secretName, items, optional }, defaultMode);
  }
  if (volume.downwardAPI !== undefined) {
    const { items = [], defaultMode = defaultFileMode } = volume.downwardAPI;
    return downwardFiles(options, items, defaultMode);
  }
  const { sources = [], defaultMode = defaultFileMode } = volume.projected ?? {};
  return sources.flatMap((source) => projectedFiles(options, source, defaultMode));
}

function projectedFiles(
  options: PayloadOptions,
  source: ProjectedSource,
  mode: number,
): VolumeFile[] {
  if (source.configMap !== undefined) {
    return configMapFiles(
      options,
      { ...source.configMap, name: source.configMap.name ?? '' },
      mode,
    );
  }
  if (source.secret !== undefined) {
    return secretFiles(options, { ...source.secret, name: source.secret.name ?? '' }, mode);
  }
  if (source.downwardAPI !== undefined) {
    return downwardFiles(options, source.downwardAPI.items ?? [], mode);
  }
  if (source.serviceAccountToken !== undefined) {
    const token = options.tokens.get(tokenKey(source.serviceAccountToken));
    if (token === undefined) throw new VolumeError('the service account token is not there yet');
    return [tokenFile(options.pod, source.serviceAccountToken.path, token, mode)];
  }
  throw new VolumeError('a source of the projected volume is not supported');
}

/**
 * A token is for the pod's own user alone where there is one; `fsGroup` adds its group.
 * @see Kubernetes pkg/volume/projected/projected.go, KEP-2451
 */
function tokenFile(pod: Pod, path: string, token: string, mode: number): VolumeFile {
  const userId = commonUser(pod);
  const isGiven = userId !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
  return {
    path,
    data: Buffer.from(token),
    mode: isGiven ? tokenFileMode : mode,
    ...(userId === undefined ? {} : { userId }),
  };
}

/** The user that every container of the pod runs as by its spec. @see kubelet util.FsUserFrom */
function commonUser(pod: Pod): number | undefined {
  const shared = pod.spec.securityContext?.runAsUser;
  const users = new Set(
    containersOf(pod).map(({ securityContext }) => securityContext?.runAsUser ?? shared),
  );
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

interface ObjectFiles {
  readonly name: string;
  readonly items?: Items | undefined;
  readonly optional?: boolean | undefined;
}

function configMapFiles(options: PayloadOptions, wanted: ObjectFiles, mode: number): VolumeFile[] {
  const map: ConfigMap | undefined = options.source.configMap(wanted.name);
  if (map === undefined) {
    if (wanted.optional === true) return [];
    throw new VolumeError(`configmap "${wanted.name}" not found`);
  }
  const values = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(map.data ?? {})) values.set(key, Buffer.from(text));
  for (const [key, text] of Object.entries(map.binaryData ?? {})) {
    values.set(key, Buffer.from(text, 'base64'));
  }
  return select(values, wanted, mode, 'config');
}

function secretFiles(options: PayloadOptions, wanted: ObjectFiles, mode: number): VolumeFile[] {
  const secret: Secret | undefined = options.source.secret(wanted.name);
  if (secret === undefined) {
    if (wanted.optional === true) return [];
    throw new VolumeError(`secret "${wanted.name}" not found`);
  }
  const values = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(secret.data ?? {})) {
    values.set(key, Buffer.from(text, 'base64'));
  }
  return select(values, wanted, mode, 'secret');
}

/** Every key as a file of its name, or the keys that `items` names. */
function select(
  values: ReadonlyMap<string, Buffer>,
  wanted: ObjectFiles,
  defaultMode: number,
  what: 'config' | 'secret',
): VolumeFile[] {
  if ((wanted.items ?? []).length === 0) {
    return [...values].map(([path, data]) => ({ path, data, mode: defaultMode }));
  }
  return (wanted.items ?? []).flatMap(({ key, path, mode }) => {
    const data = values.get(key);
    if (data !== undefined) return [{ path, data, mode: mode ?? defaultMode }];
    if (wanted.optional === true) return [];
    throw new VolumeError(`references non-existent ${what} key: ${key}`);
  });
}

type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

function downwardFiles(
  options: PayloadOptions,
  items: readonly DownwardItem[],
  defaultMode: number,
): VolumeFile[] {
  const { pod, facts } = options;
  return items.map((item) => {
    const mode = item.mode ?? defaultMode;
    if (item.fieldRef !== undefined) {
      return {
        path: item.path,
        data: Buffer.from(podField(pod, item.fieldRef.fieldPath, facts)),
        mode,
      };
    }
    const reference = item.resourceFieldRef;
    const container = containersOf(pod).find(
      (candidate) => candidate.name === reference?.containerName,
    );
    if (reference === undefined || container === undefined) {
      throw new VolumeError(`couldn't find container ${reference?.containerName ?? ''}`);
    }
    return { path: item.path, data: Buffer.from(resourceField(container, reference, facts)), mode };
  });
}
