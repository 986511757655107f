/** Lease. */
import { defineKind } from '../define.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { always, int32, microTime, strPtr, struct } from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { isAboveZero, isNonNegative } from '../validation/checks.js';

const schema = kindSchema('coordination/v1.Lease', 'A lock with a holder and an end.', {
  spec: always(
    struct('coordination/v1.LeaseSpec', 'The lock.', {
      acquireTime: microTime('When the holder got it.'),
      holderIdentity: strPtr('Who holds it.'),
      leaseDurationSeconds: int32('Seconds after renewTime for which it is valid.', {
        checks: [isAboveZero],
      }),
      leaseTransitions: int32('How often the holder changed.', { checks: [isNonNegative] }),
      preferredHolder: strPtr('Who should get it.'),
      renewTime: microTime('When it was last renewed.'),
      strategy: strPtr('How the holder is chosen.'),
    }),
  ),
});

/** Lease as a type. */
export interface Lease extends Infer<typeof schema> {}

/** Lease. */
export const leaseKind = defineKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  schema,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  columns: [
    nameColumn,
    column<Lease>('Holder', ({ spec }) => spec.holderIdentity ?? ''),
    ageColumn,
  ],
});
