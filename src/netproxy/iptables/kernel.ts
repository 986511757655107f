import type { RunCommand } from '../command.js';
import { mustRun } from '../command.js';
import type { Kernel } from '../kernel/rule-applier.js';

/** Loading 400,000 lines takes iptables-nft half a minute; a change takes a fifth of a second. */
const restoreMsMax = 600_000;

/** Reads all tables by `iptables-save`, and writes by `iptables-restore --noflush`. */
export function iptablesKernel(run: RunCommand): Kernel {
  const timeoutMs = restoreMsMax;
  return {
    read: () => mustRun(run, 'iptables-save', [], { stdin: '', timeoutMs }),
    write: async (plan) => {
      await mustRun(run, 'iptables-restore', ['--noflush'], { stdin: plan, timeoutMs });
    },
  };
}
