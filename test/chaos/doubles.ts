/** Containers that run twice at once, by what the kernel has: processes with their environment and their cgroup. */
import { readdirSync, readFileSync } from 'node:fs';

/** @returns a line for each container of a workload's pod of which two runs have processes */
export function runningTwice(): string[] {
  const runs = new Map<string, Set<string>>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const found = runOf(pid);
    if (found === undefined) continue;
    const known = runs.get(found.who) ?? new Set();
    runs.set(found.who, known.add(found.run));
  }
  return [...runs]
    .filter(([, of]) => of.size > 1)
    .map(([who, of]) => `${who} runs ${of.size} times at once: ${[...of].join(' ')}`);
}

function runOf(pid: string): { who: string; run: string } | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const valueOf = (name: string): string | undefined =>
      words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
    const uid = valueOf('UID_OF_POD');
    const name = valueOf('NAME_OF_CONTAINER');
    if (uid === undefined || name === undefined) return undefined;
    const run = new RegExp(`/pod${uid}/([^/\n]+)`).exec(
      readFileSync(`/proc/${pid}/cgroup`, 'utf8'),
    );
    return run?.[1] === undefined ? undefined : { who: `${uid} ${name}`, run: run[1] };
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
