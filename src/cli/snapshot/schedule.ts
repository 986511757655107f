/** `trireme snapshot schedule`: shows and sets how often masters take snapshots, and how many each keeps. */
import type { SnapshotSchedule } from '../../master/cluster/snapshot-schedule.js';
import {
  readSchedule,
  scheduleFault,
  writeSchedule,
} from '../../master/cluster/snapshot-schedule.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';

/** As the flags that a master gives its store. */
const usual: SnapshotSchedule = { interval: '4h', keep: 12 };

/** `trireme snapshot schedule`. */
export const scheduleCommand = defineCommand({
  name: 'schedule',
  summary: 'show or set how often every master takes a snapshot, and how many it keeps',
  description:
    'Masters take up what is set within seconds, and without a restart. It stands in the ConfigMap kube-system/trireme-snapshot-schedule ' +
    'and goes before the flags --backup-interval and --backup-keep-count of their stores.',
  usage: '',
  examples: [
    ['what holds now', 'trireme snapshot schedule'],
    ['one an hour, and two days of them', 'trireme snapshot schedule --interval=1h --keep=48'],
    ['none', 'trireme snapshot schedule --interval=0'],
    ['as each master was started', 'trireme snapshot schedule --reset'],
  ],
  flags: {
    interval: { type: 'text', value: 'DURATION', help: 'from 1m to 744h; 0: none are taken' },
    keep: { type: 'int', help: 'so many of the newest each master keeps, from 1 to 1000' },
    reset: { type: 'bool', help: 'take back what was set' },
    output: { type: 'text', short: 'o', values: ['json'], help: 'for programs' },
  },
  completes: 'nothing',
  async run({ args, flags, given, globals, context }) {
    if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
    const sets = given('interval') || given('keep');
    if (sets && flags.reset === true) {
      throw new CommandLineError('--reset goes without --interval and --keep');
    }
    const { kubeconfig, context: name } = globals;
    const connection = await context.connect({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(name === undefined ? {} : { context: name }),
    });
    try {
      const { api } = connection;
      const before = flags.reset === true || sets ? undefined : await readSchedule(api);
      let now = before;
      if (flags.reset === true) await writeSchedule(api, undefined);
      if (sets) {
        const known = (await readSchedule(api).catch(() => undefined)) ?? usual;
        now = { interval: flags.interval ?? known.interval, keep: flags.keep ?? known.keep };
        const fault = scheduleFault(now);
        if (fault !== undefined) throw new CommandLineError(fault);
        await writeSchedule(api, now);
      }
      context.out(
        flags.output === 'json'
          ? `${JSON.stringify({ ...(now ?? usual), set: now !== undefined })}\n`
          : `${describeSchedule(now)}\n`,
      );
    } finally {
      connection.close();
    }
  },
});

/** Says a schedule; undefined: none is set. */
export function describeSchedule(schedule: SnapshotSchedule | undefined): string {
  const { interval, keep } = schedule ?? usual;
  const words =
    interval === '0'
      ? 'no snapshots are taken'
      : `every master takes a snapshot every ${interval} and keeps the last ${keep} of its own`;
  return schedule === undefined
    ? `nothing is set: ${words}, unless its flags say otherwise`
    : words;
}
