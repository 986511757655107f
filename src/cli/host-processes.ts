/** The processes of a home's hosts, as /proc knows them: also those whose ids nobody came to write down. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** The words that a process was started with; none for one that has ended. */
function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/**
 * The process of this program that runs a role on a data directory.
 * @param names the processes to look at. @default all of this machine
 */
export function findProcess(
  role: 'master' | 'worker' | 'netproxy',
  dataDir: string,
  names: readonly string[] = readdirSync('/proc'),
): number | undefined {
  const found = names.find((name) => {
    if (!/^\d+$/.test(name)) return false;
    const words = wordsOf(name);
    const at = words.findIndex((word) => basename(word) === 'trireme');
    return (
      at >= 0 &&
      words[at + 1] === role &&
      words[at + 2] !== 'recover' &&
      words.includes(`--data-dir=${dataDir}`)
    );
  });
  return found === undefined ? undefined : Number(found);
}
