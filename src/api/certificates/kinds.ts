/** CertificateSigningRequest. */
import { defineKind } from '../define.js';
import { column, ageColumn, nameColumn } from '../print/columns.js';
import { humanDuration } from '../print/duration.js';
import type { CertificateSigningRequest } from './schemas.js';
import { certificateSigningRequestSchema } from './schemas.js';
import { keepDecisions, validateRequest, validateRequestUpdate } from './validation.js';

function conditionText({ status }: CertificateSigningRequest): string {
  const types = new Set((status?.conditions ?? []).map((condition) => condition.type));
  const texts: string[] = [];
  if (types.has('Denied')) texts.push('Denied');
  else if (types.has('Approved')) texts.push('Approved');
  else texts.push('Pending');
  if (types.has('Failed')) texts.push('Failed');
  if ((status?.certificate ?? '') !== '') texts.push('Issued');
  return texts.join(',');
}

/** CertificateSigningRequest. */
export const certificateSigningRequestKind = defineKind<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  nameRule: 'path-segment',
  schema: certificateSigningRequestSchema,
  subresources: [
    {
      name: 'approval',
      verbs: ['get', 'patch', 'update'],
      prepareUpdate: (next, old) => {
        const [now, before] = [next as CertificateSigningRequest, old as CertificateSigningRequest];
        now.spec = before.spec;
        now.status = { ...before.status, conditions: now.status?.conditions };
      },
      validateUpdate: (next, old) =>
        validateRequestUpdate(
          next as CertificateSigningRequest,
          old as CertificateSigningRequest,
          'approval',
        ),
    },
    {
      name: 'status',
      verbs: ['get', 'patch', 'update'],
      prepareUpdate: (next, old) => {
        const [now, before] = [next as CertificateSigningRequest, old as CertificateSigningRequest];
        now.spec = before.spec;
        keepDecisions(now, before);
      },
      validateUpdate: (next, old) =>
        validateRequestUpdate(
          next as CertificateSigningRequest,
          old as CertificateSigningRequest,
          'status',
        ),
    },
  ],
  // The request is what it was made as: a plain update changes metadata only.
  prepareUpdate: (next, old) => {
    next.spec = old.spec;
  },
  validate: validateRequest,
  fields: { 'spec.signerName': ({ spec }) => spec.signerName ?? '' },
  columns: [
    nameColumn,
    ageColumn,
    column<CertificateSigningRequest>('SignerName', ({ spec }) => spec.signerName),
    column<CertificateSigningRequest>('Requestor', ({ spec }) => spec.username ?? ''),
    column<CertificateSigningRequest>('RequestedDuration', ({ spec }) =>
      spec.expirationSeconds === undefined
        ? '<none>'
        : humanDuration(spec.expirationSeconds * 1000),
    ),
    column<CertificateSigningRequest>('Condition', conditionText),
  ],
});
