import { writeFile } from 'node:fs/promises';
import type { Logger } from '../lib/log.js';

/** Sets kernel parameters of this process's network namespace; what cannot be set is logged, not fatal. */
export async function setSysctls(
  values: Readonly<Record<string, string>>,
  log: Logger,
): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    try {
      await writeFile(`/proc/sys/${name}`, value);
    } catch (error) {
      log.warn({ name, error }, 'a kernel parameter could not be set');
    }
  }
}
