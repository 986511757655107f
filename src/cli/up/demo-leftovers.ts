/** Faults that a demonstration has made and could not take back, because it was killed itself. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ClusterRecord } from '../home.js';
import { isAlive } from '../home.js';

/** Marks the firewall rules of a demonstration. */
export const demoComment = 'trireme-demo';

const execute = promisify(execFile);

/** The part of the machine that faults are taken back with. */
export interface MendedMachine {
  readonly isAlive: (pid: number, dataDir: string) => boolean;
  readonly signal: (pid: number, name: NodeJS.Signals) => void;
  /** Runs a program to its end. @returns its output. Rejects when it fails */
  readonly run: (command: string, ...parameters: string[]) => Promise<{ readonly stdout: string }>;
}

const thisMachine: MendedMachine = {
  isAlive,
  signal: (pid, name) => void process.kill(pid, name),
  run: (command, ...parameters) => execute(command, parameters, { timeout: 20_000 }),
};

/** Lets paused masters go on and joins those that were cut off. What cannot be looked at is left as it is. */
export async function mendDemoLeftovers(
  { hosts }: ClusterRecord,
  machine: MendedMachine = thisMachine,
): Promise<void> {
  for (const { role, pid, dataDir, netns } of hosts) {
    if (role !== 'master') continue;
    // One that runs does not mind.
    if (machine.isAlive(pid, dataDir)) machine.signal(pid, 'SIGCONT');
    if (netns === null) continue;
    const iptables = (...words: string[]): Promise<{ readonly stdout: string }> =>
      machine.run('nsenter', `--net=/run/netns/${netns}`, 'iptables', '-w', ...words);
    const listed = await iptables('-S').catch(() => ({ stdout: '' }));
    for (const rule of demoRules(listed.stdout)) await iptables('-D', ...rule);
  }
}

/** The words of the rules of demonstrations in what `iptables -S` prints, without the `-A`. */
export function demoRules(listing: string): string[][] {
  return listing
    .split('\n')
    .filter((line) => line.startsWith('-A '))
    .map((line) => line.replaceAll('"', '').split(' ').slice(1))
    .filter((words) => words[words.indexOf('--comment') + 1] === demoComment);
}
