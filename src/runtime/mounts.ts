/** Reads the mounts of this process's mount namespace. */
import { readFile } from 'node:fs/promises';

/** The mount points, in the order in which they were mounted. */
export async function mountPoints(): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table.split('\n').flatMap((line) => {
    const point = line.split(' ')[4];
    return point === undefined ? [] : [unescaped(point)];
  });
}

/** Blanks, tabs, newlines and backslashes stand as octal numbers. @see proc(5) */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCodePoint(Number.parseInt(digits, 8)),
  );
}

/** Returns those of the paths that are mount points. */
export async function mountedAmong(paths: readonly string[]): Promise<string[]> {
  const points = new Set(await mountPoints());
  return paths.filter((path) => points.has(path));
}

/** True when something is mounted exactly there. */
export async function isMounted(path: string): Promise<boolean> {
  return (await mountedAmong([path])).length > 0;
}

/** Returns the mount points at a path and below it, in the order in which they were mounted. */
export async function mountsBelow(path: string): Promise<string[]> {
  return (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`));
}
