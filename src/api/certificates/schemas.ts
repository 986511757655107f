/** The schema of CertificateSigningRequest. */
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

const d = 'certificates/v1.';

/** CertificateSigningRequest. */
export const certificateSigningRequestSchema = kindSchema(
  `${d}CertificateSigningRequest`,
  'Asks for a certificate.',
  {
    spec: always(
      struct(`${d}CertificateSigningRequestSpec`, 'The request; cannot be changed.', {
        expirationSeconds: int32('Validity that is wanted, in seconds.'),
        extra: dict('More facts about the requester.', list('', str(''))),
        groups: list('Groups of the requester.', str('')),
        request: req(bytes('PEM of the PKCS#10 request.', { checksEmpty: true })),
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
  },
);

/** CertificateSigningRequest as a type. */
export interface CertificateSigningRequest extends Infer<typeof certificateSigningRequestSchema> {}
