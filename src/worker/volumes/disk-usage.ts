/** Measures what directories that containers fill hold on the disk. */
import { Gate } from '../../lib/gate.js';
import type { RunCommand } from '../../runtime/spawn.js';

const timeoutMs = 60_000;

/** So many trees are measured at once: one that takes long leaves places to others, and the machine its time. */
const atOnce = 8;

/**
 * @returns the bytes on the disk below a path, or the files; 0 where nothing is. Rejects for what cannot be measured in
 *   time.
 */
export type MeasureDisk = (path: string, unit: 'bytes' | 'inodes') => Promise<number>;

/**
 * Measures with `du`, which enters trees of any depth, counts a file with several names once, follows no links, and
 * stays on the file system that it was given.
 */
export function diskMeasure(run: RunCommand): MeasureDisk {
  const gate = new Gate(atOnce);
  return (path, unit) => gate.run(() => measure(run, path, unit));
}

async function measure(run: RunCommand, path: string, unit: 'bytes' | 'inodes'): Promise<number> {
  const counted = unit === 'bytes' ? '--block-size=1' : '--inodes';
  const args = ['--summarize', '--one-file-system', counted, '--', path];
  const result = await run('du', args, { timeoutMs, maxBytes: 4096, lane: 'guest' });
  if (result.timedOut) throw new Error(`${path} could not be measured in ${timeoutMs / 1000} s`);
  if (result.code > 1) throw new Error(`${path} could not be measured: ${result.stderr}`);
  // It ends with 1 where a file went while it looked; its sum is printed all the same.
  const bytes = /^(\d+)\t/.exec(result.stdout)?.[1];
  return bytes === undefined ? 0 : Number(bytes);
}
