import { defineGroup } from '../command/spec.js';
import { listCommand } from '../snapshot/list.js';
import { restoreCommand } from '../snapshot/restore.js';
import { saveCommand } from '../snapshot/save.js';
import { scheduleCommand } from '../snapshot/schedule.js';

/** `trireme snapshot`. */
export const snapshotCommand = defineGroup({
  name: 'snapshot',
  summary: 'save, list and schedule snapshots of the store; restore a cluster from one',
  examples: [
    ['what there is', 'trireme snapshot list'],
    [
      'one now, with all that a new machine needs',
      'trireme snapshot save /root/cluster.db --with-keys',
    ],
    ['a running cluster from it again', 'trireme snapshot restore /root/cluster.db'],
  ],
  subcommands: [listCommand, restoreCommand, saveCommand, scheduleCommand],
});
