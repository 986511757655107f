/** CertificateSigningRequest. */
import { defineKind } from '../define.js';
import { column, ageColumn, nameColumn } from '../print/columns.js';
import { humanDuration } from '../print/duration.js';
import {
  always,
  bytes,
  dict,
  int32,
  list,
  listMap,
  req,
  str,
  struct,
  time,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { keepDecisions, validateRequest, validateRequestUpdate } from './validation.js';

const d = 'certificates/v1.';

const schema = kindSchema(`${d}CertificateSigningRequest`, 'Asks for a certificate.', {
  spec: always(
    struct(`${d}CertificateSigningRequestSpec`, 'The request; cannot be changed.', {
      expirationSeconds: int32('Validity that is wanted, in seconds.'),
      extra: dict('More facts about the requester.', list('', str(''))),
      groups: list('Groups of the requester.', str('')),
      request: req(bytes('PEM of the PKCS#10 request.')),
      signerName: req(str('Who shall sign.')),
      uid: str('Id of the requester.'),
      usages: list('Usages of the key.', str('')),
      username: str('Name of the requester.'),
    }),
  ),
  status: written(
    struct(`${d}CertificateSigningRequestStatus`, 'The answer.', {
      certificate: bytes('PEM of the certificate.'),
      conditions: listMap(
        'Decisions.',
        ['type'],
        struct(`${d}CertificateSigningRequestCondition`, 'A decision.', {
          lastTransitionTime: time('When the status last changed.'),
          lastUpdateTime: time('When it was last written.'),
          message: str('Details for people.'),
          reason: str('Reason of the decision.'),
          status: req(str('True, False or Unknown.')),
          type: req(str('Approved, Denied or Failed.')),
        }),
      ),
    }),
  ),
});

/** CertificateSigningRequest as a type. */
export interface CertificateSigningRequest extends Infer<typeof schema> {}

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
  schema,
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
