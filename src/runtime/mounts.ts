import { readFile } from 'node:fs/promises';

/** Those of the paths on which something is mounted, in this process's mount namespace. */
export async function mountedAmong(paths: readonly string[]): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return paths.filter((path) => table.includes(` ${path} `));
}

/** True when something is mounted exactly there. */
export async function isMounted(path: string): Promise<boolean> {
  return (await mountedAmong([path])).length > 0;
}
