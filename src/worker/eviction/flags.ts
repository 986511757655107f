/** kubelet's flags of eviction. */
import type { Command } from 'commander';
import { defaultEvictionFlags as defaults } from './thresholds.js';

/** Adds them to a command. */
export function declareEvictionFlags(command: Command): Command {
  return command
    .option(
      '--eviction-hard <signal<value,...>',
      'below which values pods are evicted at once',
      defaults.evictionHard,
    )
    .option(
      '--eviction-soft <signal<value,...>',
      'below which values pods are evicted after a while',
      defaults.evictionSoft,
    )
    .option(
      '--eviction-soft-grace-period <signal=duration,...>',
      'how long each of those has to be met',
      defaults.evictionSoftGracePeriod,
    )
    .option(
      '--eviction-minimum-reclaim <signal=value,...>',
      'how much more has to be free before a threshold is met no longer',
      defaults.evictionMinimumReclaim,
    )
    .option(
      '--eviction-pressure-transition-period <duration>',
      'how long a condition stays after it was last met',
      defaults.evictionPressureTransitionPeriod,
    )
    .option(
      '--eviction-max-pod-grace-period <seconds>',
      'most that a pod gets to end which --eviction-soft evicts',
      defaults.evictionMaxPodGracePeriod,
    );
}
