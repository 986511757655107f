/** Measures what directories that containers fill hold on the disk. */
import type { RunCommand } from '../../runtime/spawn.js';

const timeoutMs = 60_000;

/** @returns the bytes on the disk below a path; 0 where nothing is */
export type MeasureDisk = (path: string) => Promise<number>;

/**
 * Measures with `du`, which enters trees of any depth, counts a file with several names once, follows no links, and
 * stays on the file system that it was given.
 */
export function diskMeasure(run: RunCommand): MeasureDisk {
  return async (path) => {
    const args = ['--summarize', '--one-file-system', '--block-size=1', '--', path];
    const result = await run('du', args, { timeoutMs, lane: 'guest' });
    // It ends with 1 where a file went while it looked; its sum is printed all the same.
    const bytes = /^(\d+)\t/.exec(result.stdout)?.[1];
    return bytes === undefined ? 0 : Number(bytes);
  };
}
