/** The wanted state of accounts' tokens and namespaces' CA bundles. Pure. */
import { jsonEqual } from '../../../api/equal.js';
import { parseTime } from '../../../api/facts/time.js';
import type { ConfigMap, Secret, ServiceAccount } from '../../../api/types/core.js';

/** The name of the ServiceAccount that each namespace has and a pod without an account runs under. */
export const defaultAccountName = 'default';

/** The name of the ConfigMap that gives the cluster's CA bundle to the pods of a namespace. */
export const rootCaMapName = 'kube-root-ca.crt';
const tokenType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';
const claimPrefix = 'kubernetes.io/serviceaccount/';
const bootstrapType = 'bootstrap.kubernetes.io/token';
const rootCaDescription =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** The ConfigMap with the CA bundle; undefined when it is as it should be. */
export function rootCaMapOf(
  namespace: string,
  rootCa: string,
  present: ConfigMap | undefined,
): ConfigMap | undefined {
  const data = { 'ca.crt': rootCa };
  if (present !== undefined) {
    return present.data?.['ca.crt'] === rootCa ? undefined : { ...present, data };
  }
  const annotations = { 'kubernetes.io/description': rootCaDescription };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: rootCaMapName, namespace, annotations },
    data,
  };
}

/** The account that a token's Secret is for; '' when it is no such Secret. */
export function accountOf(secret: Secret): string {
  return secret.type === tokenType ? (secret.metadata.annotations?.[nameAnnotation] ?? '') : '';
}

/** Tells whether a Secret holds the token of a ServiceAccount (type `kubernetes.io/service-account-token`). */
export function isTokenSecret({ type }: Secret): boolean {
  return type === tokenType;
}

/** True when a token's Secret outlived its account, or was made for one of that name before. */
export function isForeign(secret: Secret, account: ServiceAccount | undefined): boolean {
  const wantedUid = secret.metadata.annotations?.[uidAnnotation] ?? account?.metadata.uid;
  return account === undefined || account.metadata.uid !== wantedUid;
}

/**
 * The Secret with all that belongs into it; undefined when it is there.
 * @param token for a Secret that has none
 */
export function filledSecret(
  secret: Secret,
  account: ServiceAccount,
  values: { readonly rootCa: string; readonly token: string },
): Secret | undefined {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const { namespace = '' } = secret.metadata;
  const data: Record<string, string> = { ...secret.data, namespace: encode(namespace) };
  if (values.rootCa !== '') data['ca.crt'] = encode(values.rootCa);
  if (!hasToken(secret)) data['token'] = encode(values.token);
  const annotations = {
    ...secret.metadata.annotations,
    [uidAnnotation]: account.metadata.uid ?? '',
  };
  if (jsonEqual(secret.data, data) && jsonEqual(secret.metadata.annotations, annotations)) {
    return undefined;
  }
  return { ...secret, metadata: { ...secret.metadata, annotations }, data };
}

/** Tells whether a Secret holds a token already: its field `token` is not empty. */
export function hasToken({ data }: Secret): boolean {
  return (data?.['token'] ?? '') !== '';
}

/** The claims of a token that lives as long as its Secret. */
export function tokenClaims(secret: Secret, { metadata }: ServiceAccount) {
  const { namespace = '', name, uid = '' } = metadata;
  return {
    subject: `system:serviceaccount:${namespace}:${name}`,
    claims: {
      [`${claimPrefix}namespace`]: namespace,
      [`${claimPrefix}secret.name`]: secret.metadata.name,
      [`${claimPrefix}service-account.name`]: name,
      [`${claimPrefix}service-account.uid`]: uid,
    },
  };
}

/** Milliseconds until a bootstrap token has expired, not above 0 when it has; undefined for one that never does. */
export function msUntilTokenEnds(secret: Secret, nowMs: number): number | undefined {
  if (!isBootstrapToken(secret)) return undefined;
  const text = Buffer.from(secret.data?.['expiration'] ?? '', 'base64').toString();
  const endsMs = parseTime(text);
  return endsMs === undefined ? undefined : endsMs - nowMs;
}

/** Tells whether a Secret is a bootstrap token: of that type, and in the namespace `kube-system`. */
export function isBootstrapToken({ type, metadata }: Secret): boolean {
  return type === bootstrapType && metadata.namespace === 'kube-system';
}
