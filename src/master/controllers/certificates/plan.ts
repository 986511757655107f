/** The approval, validity and expiry of requests for certificates. Pure. @see kubernetes pkg/controller/certificates */
import { parseTime } from '../../../api/facts/time.js';
import type { CertificateSigningRequest, SubjectAccessReview } from '../../../api/types/policy.js';

const daySeconds = 86_400;
const longestSeconds = 365 * daySeconds;
/** The shortest validity that is given (kubernetes: ten minutes). */
const shortestSeconds = 600;
const hourMs = 3_600_000;
/** The time for which requests are kept: decided or answered ones, and those that nobody decided. */
const keepMs = { settled: hourMs, pending: 24 * hourMs } as const;

/** The subresource that a requester must be allowed to create so that a request is approved without a human. */
export type Permission = 'selfnodeclient' | 'nodeclient';

const messages: Readonly<Record<Permission, string>> = {
  selfnodeclient: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  nodeclient: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};

/** Tells whether the request has that condition. */
function has(request: CertificateSigningRequest, type: string): boolean {
  return (request.status?.conditions ?? []).some((condition) => condition.type === type);
}

/** Tells whether a request has been neither approved nor denied. */
export function isUndecided(request: CertificateSigningRequest): boolean {
  return !has(request, 'Approved') && !has(request, 'Denied');
}

/** The permissions to ask for, in their order; one suffices. @param commonName whose certificate is asked for */
export function permissionsFor(
  request: CertificateSigningRequest,
  commonName: string,
): Permission[] {
  return request.spec.username === commonName ? ['selfnodeclient', 'nodeclient'] : ['nodeclient'];
}

/** Asks whether the requester has the permission. */
export function accessReview(
  { spec }: CertificateSigningRequest,
  subresource: Permission,
): SubjectAccessReview {
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: { name: '' },
    spec: {
      ...(spec.username === undefined ? {} : { user: spec.username }),
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.groups === undefined ? {} : { groups: spec.groups }),
      ...(spec.extra === undefined ? {} : { extra: spec.extra }),
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        version: '*',
        subresource,
      },
    },
  };
}

/** The request, approved. */
export function approved(
  request: CertificateSigningRequest,
  permission: Permission,
  now: string,
): CertificateSigningRequest {
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'AutoApproved',
    message: messages[permission],
    lastUpdateTime: now,
    lastTransitionTime: now,
  };
  const conditions = [...(request.status?.conditions ?? []), condition];
  return { ...request, status: { ...request.status, conditions } };
}

/** Milliseconds until a request is removed; not above 0 when it is due. */
export function msUntilRemoval(
  { metadata, status }: CertificateSigningRequest,
  nowMs: number,
): number {
  const createdMs = parseTime(metadata.creationTimestamp) ?? 0;
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return createdMs + keepMs.pending - nowMs;
  const times = conditions.map(({ lastUpdateTime }) => parseTime(lastUpdateTime) ?? createdMs);
  return Math.max(...times) + keepMs.settled - nowMs;
}

/** True for an approved request that has no certificate yet, and was not found wanting. */
export function isToBeSigned(request: CertificateSigningRequest): boolean {
  if (!has(request, 'Approved') || has(request, 'Denied') || has(request, 'Failed')) return false;
  return (request.status?.certificate ?? '') === '';
}

/** The request, with the reason why it is not signed. */
export function failed(
  request: CertificateSigningRequest,
  message: string,
  now: string,
): CertificateSigningRequest {
  const condition = {
    type: 'Failed',
    status: 'True',
    reason: 'SignerValidationFailure',
    message,
    lastUpdateTime: now,
    lastTransitionTime: now,
  };
  const conditions = [...(request.status?.conditions ?? []), condition];
  return { ...request, status: { ...request.status, conditions } };
}

/**
 * The start of a certificate before now, for clocks that lag (kubernetes pkg/controller/certificates/signer): who asked
 * for an hour gets little more.
 */
export const backdateMs = 300_000;
/** A certificate that lasts this long ends as much earlier as it starts. */
const longLivedSeconds = 8 * 3600;

/** For how many days from now a certificate is given: as asked, within ten minutes and a year. */
export function validityDays(expirationSeconds = longestSeconds): number {
  const seconds = Math.min(longestSeconds, Math.max(shortestSeconds, expirationSeconds));
  const early = seconds < longLivedSeconds ? 0 : backdateMs / 1000;
  return (seconds - early) / daySeconds;
}
