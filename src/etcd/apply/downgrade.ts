import type { Backend } from '../backend/types.js';

const bucketKey = 'downgradeTarget';

/**
 * Keeps the version to which a downgrade of the cluster was announced: etcd's DowngradeInfo. Nothing follows from it:
 * the members' files have no older format that they could go back to. Changed by apply.
 */
export class DowngradeStore {
  #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** `3.4.0`; undefined while none is under way. */
  get target(): string | undefined {
    const stored = this.#backend.get('meta', bucketKey)?.toString();
    return stored === undefined || stored === '' ? undefined : stored;
  }

  set target(version: string | undefined) {
    this.#backend.put('meta', bucketKey, Buffer.from(version ?? ''));
  }

  restore(backend: Backend): void {
    this.#backend = backend;
  }
}

/** The release before, the only one that a cluster may be downgraded to. */
export function downgradeTargetOf(clusterVersion: string): string {
  const [major = 0, minor = 0] = clusterVersion.split('.').map(Number);
  return `${major}.${minor - 1}.0`;
}

/** The cluster version, `major.minor.0`, that a version belongs to; undefined for what is none. */
export function clusterVersionOf(text: string): string | undefined {
  const match = /^(\d+)\.(\d+)(\.\d+([-+].+)?)?$/.exec(text);
  return match === null ? undefined : `${Number(match[1])}.${Number(match[2])}.0`;
}
