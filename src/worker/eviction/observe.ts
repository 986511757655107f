/** What is left on the machine, by kubelet's signals. */
import { readFile, statfs } from 'node:fs/promises';
import { quantityOf } from '../../api/quantity.js';
import type { Observation, Observations } from './pressure.js';
import type { Signal } from './thresholds.js';

/** Where the two file systems of a node are; one place where images lie beside the rest. */
export interface ObservedPaths {
  readonly node: string;
  readonly images: string;
}

/** Asks the kernel. What cannot be read is left out. */
export async function observeNode(paths: ObservedPaths): Promise<Observations> {
  const found = new Map<Signal, Observation>();
  for (const [name, path] of [
    ['nodefs', paths.node],
    ['imagefs', paths.images],
  ] as const) {
    const disk = await statfs(path).catch(() => undefined);
    if (disk === undefined) continue;
    found.set(`${name}.available`, {
      available: quantityOf(disk.bavail * disk.bsize, 'BinarySI'),
      capacity: quantityOf(disk.blocks * disk.bsize, 'BinarySI'),
    });
    // Some file systems make inodes as they need them, and count none.
    if (disk.files === 0) continue;
    found.set(`${name}.inodesFree`, {
      available: quantityOf(disk.ffree),
      capacity: quantityOf(disk.files),
    });
  }
  const memory = await memoryOf();
  if (memory !== undefined) found.set('memory.available', memory);
  const pids = await pidsOf();
  if (pids !== undefined) found.set('pid.available', pids);
  return found;
}

async function memoryOf(): Promise<Observation | undefined> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
  const available = bytes('MemAvailable');
  const capacity = bytes('MemTotal');
  if (!Number.isFinite(available) || !Number.isFinite(capacity)) return undefined;
  return {
    available: quantityOf(available, 'BinarySI'),
    capacity: quantityOf(capacity, 'BinarySI'),
  };
}

/** As kubelet: the smaller of both limits of the kernel, less the threads that there are. */
async function pidsOf(): Promise<Observation | undefined> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  const limits = await Promise.all(
    ['/proc/sys/kernel/pid_max', '/proc/sys/kernel/threads-max'].map(async (path) =>
      Number.parseInt(await read(path), 10),
    ),
  );
  const most = Math.min(...limits.filter(Number.isFinite));
  const running = Number(/ \d+\/(\d+) /.exec(await read('/proc/loadavg'))?.[1]);
  if (!Number.isFinite(most) || !Number.isFinite(running)) return undefined;
  return { available: quantityOf(Math.max(0, most - running)), capacity: quantityOf(most) };
}
