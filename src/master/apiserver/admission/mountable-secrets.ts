/**
 * The limit on the Secrets that a pod may name, where its account sets one (`kubernetes.io/enforce-mountable-secrets`).
 */
import type { Container, Pod, ServiceAccount } from '../../../api/types/core.js';

/** The annotation of a ServiceAccount by which its pods may use only the Secrets that it lists. */
export const enforceAnnotation = 'kubernetes.io/enforce-mountable-secrets';

/** The words of the refusal for the first Secret that the account does not list; undefined when there is none. */
export function unmountableSecret(pod: Pod, account: ServiceAccount): string | undefined {
  const { name } = account.metadata;
  const mountable = new Set((account.secrets ?? []).map((secret) => secret.name));
  const tail = `is not allowed because service account ${name} does not reference that`;
  for (const secret of volumeSecrets(pod)) {
    if (!mountable.has(secret)) return `volume with secret.secretName="${secret}" ${tail} secret`;
  }
  for (const [kind, containers] of [
    ['init container', pod.spec.initContainers ?? []],
    ['container', pod.spec.containers],
    ['ephemeral container', pod.spec.ephemeralContainers ?? []],
  ] as const) {
    for (const container of containers) {
      const found = environmentSecrets(container).find(([, secret]) => !mountable.has(secret));
      if (found === undefined) continue;
      const [through, secret] = found;
      return `${kind} ${container.name} with ${through} referencing secret.secretName="${secret}" ${tail} secret`;
    }
  }
  const pulling = new Set((account.imagePullSecrets ?? []).map((secret) => secret.name));
  for (const [index, secret] of (pod.spec.imagePullSecrets ?? []).entries()) {
    if (pulling.has(secret.name)) continue;
    return `imagePullSecrets[${index}].name="${secret.name ?? ''}" ${tail} imagePullSecret`;
  }
  return undefined;
}

function volumeSecrets({ spec }: Pod): string[] {
  return (spec.volumes ?? []).flatMap(({ secret, projected }) => [
    ...(secret === undefined ? [] : [secret.secretName ?? '']),
    ...(projected?.sources ?? []).flatMap((source) =>
      source.secret === undefined ? [] : [source.secret.name ?? ''],
    ),
  ]);
}

/** Lists the field that names each Secret, and the Secret's name. */
function environmentSecrets({
  env,
  envFrom,
}: Pick<Container, 'env' | 'envFrom'>): (readonly [string, string])[] {
  return [
    ...(env ?? []).flatMap(({ name, valueFrom }): (readonly [string, string])[] =>
      valueFrom?.secretKeyRef === undefined
        ? []
        : [[`envVar ${name}`, valueFrom.secretKeyRef.name ?? '']],
    ),
    ...(envFrom ?? []).flatMap(({ secretRef }): (readonly [string, string])[] =>
      secretRef === undefined ? [] : [['envFrom', secretRef.name ?? '']],
    ),
  ];
}
