/** Which runtime the pods of a node run with: it may change only when there are none. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DirectoryInUseError, lockDirectory } from '../lib/files/directory-lock.js';
import type { DirectoryLock } from '../lib/files/directory-lock.js';
import { writeWhole } from '../lib/files/write-whole.js';
import { UsageError } from '../lib/usage-error.js';
import type { RuntimeName } from './options.js';

/** The file in a worker's data directory that names its runtime. */
const fileName = 'runtime-name';

/**
 * Writes down with which runtime a worker runs its pods.
 * @throws UsageError when pods of another one are there: nobody would end or look after them
 */
export async function keepRuntime(dataDir: string, runtime: RuntimeName): Promise<void> {
  const path = join(dataDir, fileName);
  const before = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (before === runtime) return;
  const pods = before === '' ? [] : await readdir(join(dataDir, 'pods')).catch(() => []);
  if (pods.length > 0) {
    throw new UsageError(
      `--runtime ${runtime}: ${pods.length} pods of this worker are in the runtime "${before}". ` +
        `Start it with --runtime ${before}, move all of them away (trireme drain, and delete those that it leaves), ` +
        'then change the runtime',
    );
  }
  await mkdir(dataDir, { recursive: true });
  await writeWhole(path, `${runtime}\n`);
}

/**
 * Makes this process the only agent at a runtime's socket: two would end each other's pods.
 * @param endpoint `unix:///path`
 * @param directory where agents of this machine meet
 * @throws UsageError when another agent has it
 */
export function lockEndpoint(endpoint: string, directory = '/run/trireme'): DirectoryLock {
  const name = createHash('sha256').update(endpoint).digest('hex').slice(0, 16);
  try {
    return lockDirectory(join(directory, `runtime-${name}`));
  } catch (error) {
    if (!(error instanceof DirectoryInUseError)) throw error;
    const who = error.pid === undefined ? 'another process' : `the process ${error.pid}`;
    throw new UsageError(
      `--cri-endpoint ${endpoint}: ${who} is the agent of that runtime; each worker needs one of its own`,
    );
  }
}
