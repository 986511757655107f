import { cloneJson } from '../../../api/clone.js';
import { objectKey } from '../../../api/facts/keys.js';
import { goBoolean } from '../../../api/go-text/values.js';
import type { Pod, ServiceAccount, Volume } from '../../../api/types/core.js';
import type { Random } from '../../../lib/random.js';
import { mirrorAnnotation, referencesOf } from '../../../api/facts/pod-references.js';
import { generateName } from '../registry/names.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionRequest } from '../registry/types.js';
import { forbidden } from '../status.js';
import type { AdmissionPlugin } from './chain.js';
import { enforceAnnotation, unmountableEphemeral, unmountableSecret } from './mountable-secrets.js';
import { createsPod } from './pod-object.js';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
/** Just over an hour, so that the node renews tokens hourly (kubelet's habit). */
const tokenSeconds = 3607;

/** Gives a pod its service account, and its containers the account's token. */
export function serviceAccount(objects: Objects): AdmissionPlugin {
  const cache = objects.watchCache.cache('serviceaccounts');
  const find = async (key: string): Promise<ServiceAccount | undefined> => {
    const known = cache.get(key);
    if (known !== undefined) return known.object<ServiceAccount>();
    await objects.watchCache.fresh();
    return cache.get(key)?.object<ServiceAccount>();
  };
  return {
    name: 'ServiceAccount',
    handles: (request) => createsPod(request) || addsContainers(request),
    async mutate(request) {
      if (!createsPod(request)) return;
      const { object, context } = request;
      const pod = object as Pod;
      const { spec, metadata } = pod;
      if (metadata.annotations?.[mirrorAnnotation] !== undefined) return;
      const name = spec.serviceAccountName ?? 'default';
      spec.serviceAccountName = name;
      spec.serviceAccount = name;
      const { namespace } = context.target;
      const account = await find(objectKey({ namespace, name }));
      if (account === undefined) {
        const text =
          `error looking up service account ${namespace}/${name}: ` +
          `serviceaccount "${name}" not found`;
        throw forbidden({ group: '', resource: 'pods' }, metadata.name, text);
      }
      const mounts =
        spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
      if (mounts) mountToken(pod, objects.random);
      if ((spec.imagePullSecrets?.length ?? 0) === 0 && account.imagePullSecrets !== undefined) {
        spec.imagePullSecrets = cloneJson(account.imagePullSecrets);
      }
    },
    validate: async (request) => {
      const { object, context } = request;
      if (object === undefined) return;
      // The kind says what the object is.
      const pod = object as Pod;
      if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) {
        checkMirrorPod(pod);
        return;
      }
      const { namespace } = context.target;
      const name = pod.spec.serviceAccountName ?? '';
      const refuse = (text: string): never => {
        throw forbidden({ group: '', resource: 'pods' }, pod.metadata.name, text);
      };
      if (name === '') {
        refuse(`no service account specified for pod ${namespace}/${pod.metadata.name}`);
      }
      const account = await find(objectKey({ namespace, name }));
      const enforces = account?.metadata.annotations?.[enforceAnnotation] ?? '';
      if (account === undefined || goBoolean(enforces) !== true) return;
      const limit = createsPod(request) ? unmountableSecret : unmountableEphemeral;
      const text = limit(pod, account);
      if (text !== undefined) refuse(text);
    },
  };
}

/** True for an update of the ephemeral containers of a pod: they may name Secrets, too. */
function addsContainers({ operation, context: { target } }: AdmissionRequest): boolean {
  const { kind, subresource } = target;
  const isPod = kind.kind === 'Pod' && kind.group === '';
  return isPod && operation === 'UPDATE' && subresource === 'ephemeralcontainers';
}

/** A mirror pod shows what a node runs from a file: it stands for no account, and opens nothing. */
function checkMirrorPod(pod: Pod): void {
  const refuse = (text: string): never => {
    throw forbidden({ group: '', resource: 'pods' }, pod.metadata.name, text);
  };
  const { serviceAccount, secrets } = referencesOf(pod);
  if (serviceAccount !== '') refuse('a mirror pod may not reference service accounts');
  if (secrets.size > 0) refuse('a mirror pod may not reference secrets');
  const sources = (pod.spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
  if (sources.some((source) => source.serviceAccountToken !== undefined)) {
    refuse('a mirror pod may not use ServiceAccountToken volume projections');
  }
}

function mountToken(pod: Pod, random: Random): void {
  const { spec } = pod;
  const volumes = (spec.volumes ??= []);
  const present = volumes.find((volume) => volume.name.startsWith(volumePrefix));
  const name = present?.name ?? generateName(volumePrefix, random);
  let used = false;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const mounts = (container.volumeMounts ??= []);
    if (mounts.some((mount) => mount.mountPath === mountPath)) continue;
    mounts.push({ name, readOnly: true, mountPath });
    used = true;
  }
  if (used && present === undefined) volumes.push(tokenVolume(name));
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [
              {
                path: 'namespace',
                fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
              },
            ],
          },
        },
      ],
    },
  };
}
