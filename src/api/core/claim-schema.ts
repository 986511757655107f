/** The schema of PersistentVolumeClaim, which StatefulSets embed too. */
import {
  always,
  doc,
  listMap,
  quantities,
  req,
  str,
  strPtr,
  struct,
  time,
  timeOrNull,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import { labels } from '../schema/dsl.js';
import { accessModesField, persistentVolumeClaimSpec } from './claim.js';

const claimCondition = struct('core/v1.PersistentVolumeClaimCondition', 'One aspect.', {
  lastProbeTime: timeOrNull('When it was last looked at.'),
  lastTransitionTime: time('When the status last changed.'),
  message: str('Details for people.'),
  reason: str('Reason of the last change.'),
  status: req(str('True, False or Unknown.')),
  type: req(str('Type of the condition.')),
});

/** PersistentVolumeClaim. */
export const claimSchema = kindSchema(
  'core/v1.PersistentVolumeClaim',
  'A claim on a volume, for the pods of a namespace.',
  {
    spec: always(persistentVolumeClaimSpec),
    status: written(
      struct('core/v1.PersistentVolumeClaimStatus', 'What is known of the claim.', {
        accessModes: doc('Ways in which the volume can be mounted.', accessModesField),
        allocatedResourceStatuses: labels('State of a resize by resource.'),
        allocatedResources: quantities('Resources set aside.'),
        capacity: quantities('Size of the volume.'),
        conditions: listMap('State by aspect.', ['type'], claimCondition),
        currentVolumeAttributesClassName: strPtr('VolumeAttributesClass in force.'),
        modifyVolumeStatus: struct('core/v1.ModifyVolumeStatus', 'State of a modification.', {
          status: req(str('Pending, InProgress or Infeasible.')),
          targetVolumeAttributesClassName: str('Class that is being applied.'),
        }),
        phase: str('Pending, Bound or Lost.'),
      }),
    ),
  },
);
