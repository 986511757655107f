import type { Backend } from '../backend/types.js';
import { LogVersionError } from '../config.js';
import { firstLogVersion } from './entry-format.js';

const bucketKey = 'logVersion';

/**
 * The log version that the cluster has agreed on: every member knows it. It only rises, and only by an entry of the
 * log.
 * Changed by apply.
 */
export class LogVersionStore {
  readonly #known: number;
  #backend: Backend;
  #agreed = firstLogVersion;

  /**
   * @param known the newest log version that this build knows
   * @throws LogVersionError where the data are of a newer build
   */
  constructor(backend: Backend, known: number) {
    this.#known = known;
    this.#backend = backend;
    this.restore(backend);
  }

  get agreed(): number {
    return this.#agreed;
  }

  /** @throws LogVersionError for a version that this build does not know: the member must stop */
  raise(version: number): void {
    if (version <= this.#agreed) return;
    this.#mustKnow(version);
    this.#agreed = version;
    this.#backend.put('meta', bucketKey, Buffer.from(String(version)));
  }

  /** Reads the version of another backend content. @throws LogVersionError */
  restore(backend: Backend): void {
    this.#backend = backend;
    const agreed = Number(backend.get('meta', bucketKey)?.toString() ?? firstLogVersion);
    this.#mustKnow(agreed);
    this.#agreed = agreed;
  }

  #mustKnow(version: number): void {
    if (version > this.#known) throw new LogVersionError(this.#known, version);
  }
}
