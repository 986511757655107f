/** Certificates that are replaced on disk are taken up without a restart: etcd reads them at each handshake, we within seconds. */
import { statSync } from 'node:fs';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';

/** How often the files are looked at. */
const lookEveryMs = 5000;

/**
 * Looks at the files again and again, and calls `reload` when one has changed. A reload that fails (the key is not there yet) is
 * tried again at the next look.
 * @returns a function that ends it
 */
export function onFileChange(
  paths: readonly string[],
  options: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly reload: () => Promise<void>;
  },
): () => void {
  const { clock, log, reload } = options;
  if (paths.length === 0) return () => undefined;
  let seen = marksOf(paths);
  let cancel: (() => void) | undefined;
  let ended = false;
  const look = async (): Promise<void> => {
    const now = marksOf(paths);
    if (now !== seen) {
      try {
        await reload();
        seen = now;
        log.info({ paths }, 'took up changed certificates');
      } catch (error) {
        log.warn({ paths, error }, 'changed certificates cannot be used; looking again');
      }
    }
    if (!ended) schedule();
  };
  const schedule = (): void => {
    cancel = clock.schedule(lookEveryMs, () => void look());
  };
  schedule();
  return () => {
    ended = true;
    cancel?.();
  };
}

function marksOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? '' : `${found.ino}:${found.mtimeMs}:${found.size}`;
    })
    .join();
}
