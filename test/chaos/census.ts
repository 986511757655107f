/** What a worker holds of everything that pods need, to be compared before and after. */
import { join } from 'node:path';
import type { Machines } from './machine.js';

/** Names by kind of thing; the same name twice counts twice. */
export type Census = ReadonlyMap<string, readonly string[]>;

const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

/** Asks the kernel, the disk and containerd of the worker. */
export function takeCensus(machine: Machines): Census {
  const { dataDir } = machine;
  const run = join(dataDir, 'runtime', 'containerd-run');
  const content = join(dataDir, 'runtime', 'containerd');
  const ctr = (...args: readonly string[]): string[] =>
    lines(machine.inWorker('ctr', '-a', `${run}/containerd.sock`, '-n', 'trireme', ...args));
  const find = (...args: readonly string[]): string[] => lines(machine.inWorker('find', ...args));
  return new Map([
    ['mount', mounts(machine.inWorker('cat', '/proc/self/mountinfo'), machine.dir)],
    ['network namespace', lines(machine.inWorker('ls', '/run/netns'))],
    ['link', lines(machine.inWorker('ip', '-o', 'link')).map(linkName)],
    ['address', lines(machine.inWorker('ip', '-o', '-4', 'addr')).map((line) => line.slice(0, 50))],
    ['route', lines(machine.inWorker('ip', 'route'))],
    ['iptables rule', rules(machine.inWorker('iptables-save'))],
    ['ip6tables rule', rules(machine.inWorker('ip6tables-save'))],
    ['nft table', lines(machine.inWorker('nft', 'list', 'tables'))],
    ['set', lines(machine.inWorker('ipset', 'list', '-n'))],
    ['cgroup', find('/sys/fs/cgroup', '-type', 'd', '-path', '*/kubepods/*')],
    ['process', [...machine.processes().values()].map(processName)],
    ['container', ctr('containers', 'list', '-q')],
    ['task', ctr('tasks', 'list', '-q')],
    ['snapshot', ctr('snapshots', 'list').slice(1).map(firstWord)],
    ['lease', ctr('leases', 'list', '-q')],
    ['image', ctr('images', 'list', '-q')],
    ['file', find(dataDir, '/run', '-path', content, '-prune', '-o', '-print')],
    ['file of a layer', find(join(content, 'root'), '-maxdepth', '3', '-path', '*snapshots/*')],
  ]);
}

/** What there is more, and less, than before: a line each. */
export function compare(before: Census, after: Census): string[] {
  const told: string[] = [];
  for (const [kind, names] of after) {
    const left = [...names];
    for (const name of before.get(kind) ?? []) {
      const at = left.indexOf(name);
      if (at === -1) told.push(`${kind} is gone: ${name}`);
      else left.splice(at, 1);
    }
    for (const name of left) told.push(`${kind} is left: ${name}`);
  }
  return told;
}

/** Mounts of the worker's own. Those of its disk have changed names after a reboot. */
function mounts(text: string, dir: string): string[] {
  return lines(text)
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(dir) || point.startsWith('/run'));
}

function linkName(line: string): string {
  return (line.split(': ')[1] ?? line).replace(/@.*/, '');
}

/** Without comments, and without the counters of chains. */
function rules(text: string): string[] {
  return lines(text)
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]/, ''));
}

function firstWord(line: string): string {
  return line.split(/\s/)[0] ?? '';
}

/** An agent that was started anew has another number in its words. */
function processName(words: string): string {
  return words.replace(/\d{3,}/g, 'N').slice(0, 160);
}
