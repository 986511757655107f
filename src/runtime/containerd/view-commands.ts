/** The `ctr` commands that hold and give up snapshots of images: the same with ctr 1.6, 1.7 and 2.1. */
import type { CtrCommand } from './commands.js';

const second = 1000;

/**
 * Snapshots with this label, and those that they build on, are never collected. @see containerd
 * docs/garbage-collection.md
 */
const rootLabel = 'containerd.io/gc.root';

/** All snapshots of the namespace. */
export const snapshotsList = (): CtrCommand => ({
  args: ['snapshots', 'list'],
  timeoutMs: 10 * second,
  maxBytes: 8 * 1024 * 1024,
});

/** Reads one snapshot, as JSON. */
export const snapshotsInfo = (key: string): CtrCommand => ({
  args: ['snapshots', 'info', key],
  timeoutMs: 10 * second,
});

/** Makes a read-only snapshot, without mounting it. */
export const snapshotsView = (key: string, parent: string): CtrCommand => ({
  args: ['snapshots', 'view', key, parent],
  timeoutMs: 30 * second,
});

/** Keeps a snapshot for as long as it is not removed. @param since as RFC 3339 */
export const snapshotsHold = (key: string, since: string): CtrCommand => ({
  args: ['snapshots', 'label', key, `${rootLabel}=${since}`],
  timeoutMs: 10 * second,
});

/** Fails while another snapshot builds on it. */
export const snapshotsRemove = (key: string): CtrCommand => ({
  args: ['snapshots', 'rm', key],
  timeoutMs: 30 * second,
});

/** The ids of all leases. */
export const leasesList = (): CtrCommand => ({
  args: ['leases', 'list', '--quiet'],
  timeoutMs: 10 * second,
  maxBytes: 8 * 1024 * 1024,
});

/** Gives a lease up; what nothing else holds is then collected. */
export const leasesDelete = (id: string): CtrCommand => ({
  args: ['leases', 'delete', id],
  timeoutMs: 10 * second,
});

/** The snapshot that another builds on; undefined when it cannot be read. */
export function parseSnapshotParent(text: string): string | undefined {
  try {
    const info: unknown = JSON.parse(text);
    if (typeof info !== 'object' || info === null || !('Parent' in info)) return undefined;
    return typeof info.Parent === 'string' ? info.Parent : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns the names of a listing that begin with `prefix`, whatever columns follow: a name of ours has letters, digits
 * and dashes after it.
 */
export function parseNames(text: string, prefix: string): string[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith(prefix)) return [];
    const rest = /^[\w-]+/.exec(line.slice(prefix.length))?.[0];
    return rest === undefined ? [] : [`${prefix}${rest}`];
  });
}
