/**
 * The limit on the Secrets that a pod may name, where its account sets one (`kubernetes.io/enforce-mountable-secrets`).
 */
import type { Container, Pod, ServiceAccount } from '../../../api/types/core.js';

/** The annotation of a ServiceAccount by which its pods may use only the Secrets that it lists. */
export const enforceAnnotation = 'kubernetes.io/enforce-mountable-secrets';

/** The words of the refusal for the first Secret that the account does not list; undefined when there is none. */
export function unmountableSecret(pod: Pod, account: ServiceAccount): string | undefined {
  const mountable = mountableBy(account);
  const tail = tailFor(account);
  for (const secret of volumeSecrets(pod)) {
    if (!mountable.has(secret)) return `volume with secret.secretName="${secret}" ${tail} secret`;
  }
  const inContainers =
    unmountableIn('init container', pod.spec.initContainers, account) ??
    unmountableIn('container', pod.spec.containers, account) ??
    unmountableEphemeral(pod, account);
  if (inContainers !== undefined) return inContainers;
  const pulling = new Set((account.imagePullSecrets ?? []).map((secret) => secret.name));
  for (const [index, secret] of (pod.spec.imagePullSecrets ?? []).entries()) {
    if (pulling.has(secret.name)) continue;
    return `imagePullSecrets[${index}].name="${secret.name ?? ''}" ${tail} imagePullSecret`;
  }
  return undefined;
}

/** As {@link unmountableSecret}, of the ephemeral containers alone: the rest of the pod was let in before. */
export function unmountableEphemeral(pod: Pod, account: ServiceAccount): string | undefined {
  return unmountableIn('ephemeral container', pod.spec.ephemeralContainers, account);
}

function unmountableIn(
  kind: string,
  containers: readonly EnvironmentOf[] | undefined,
  account: ServiceAccount,
): string | undefined {
  const mountable = mountableBy(account);
  for (const container of containers ?? []) {
    const found = environmentSecrets(container).find(([, secret]) => !mountable.has(secret));
    if (found === undefined) continue;
    const [through, secret] = found;
    return `${kind} ${container.name} with ${through} referencing secret.secretName="${secret}" ${tailFor(account)} secret`;
  }
  return undefined;
}

type EnvironmentOf = Pick<Container, 'name' | 'env' | 'envFrom'>;

function mountableBy({ secrets }: ServiceAccount): ReadonlySet<string | undefined> {
  return new Set((secrets ?? []).map((secret) => secret.name));
}

function tailFor({ metadata }: ServiceAccount): string {
  return `is not allowed because service account ${metadata.name} does not reference that`;
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
