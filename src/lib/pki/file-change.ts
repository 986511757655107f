/**
 * Files that are replaced on disk: etcd reads certificates at each handshake, we see within seconds that they are
 * others.
 */
import { statSync } from 'node:fs';
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';

/** The interval of checks of the files, in milliseconds. */
export const fileLookEveryMs = 5000;

/** Certificates and keys in files, as they are when this is made. */
export class FileChanges {
  readonly #paths: readonly string[];
  #seen: string;

  constructor(paths: readonly string[]) {
    this.#paths = paths;
    this.#seen = marksOf(paths);
  }

  /**
   * Looks at the files again and again, and calls `reload` when one has changed. A reload that fails (the key is not
   * there yet) is tried again at the next look.
   * @returns a function that ends it
   */
  follow(options: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly reload: () => Promise<void>;
  }): () => void {
    const { clock, log, reload } = options;
    const paths = this.#paths;
    if (paths.length === 0) return () => undefined;
    let cancel: (() => void) | undefined;
    let ended = false;
    const look = async (): Promise<void> => {
      const now = marksOf(paths);
      if (now !== this.#seen) {
        try {
          await reload();
          this.#seen = now;
          log.info({ paths }, 'took up changed certificates');
        } catch (error) {
          log.warn({ paths, error }, 'changed certificates cannot be used; looking again');
        }
      }
      if (!ended) schedule();
    };
    const schedule = (): void => {
      cancel = clock.schedule(fileLookEveryMs, () => void look());
    };
    schedule();
    return () => {
      ended = true;
      cancel?.();
    };
  }
}

function marksOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? '' : `${found.ino}:${found.mtimeMs}:${found.size}`;
    })
    .join();
}
