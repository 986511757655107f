import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import { sigkill } from './execution.js';
import type { ExecTasks } from './tasks.js';

/** A killed command has this long to end; one that cannot end (in a system call) is left to the container's end. */
const endMs = 5000;

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ownDirectory = new RegExp(`^(?:exec|probe)-${uuid}$`);

/**
 * Ends the commands that an agent before this one left in a container, and removes their directories. Nobody reads
 * their output any more, and nobody but the agent would ever remove them from containerd.
 * @param container its id, and the directory in which its commands have theirs
 */
export async function killLeftExecutions(
  host: { readonly tasks: ExecTasks; readonly clock: Clock },
  container: { readonly id: string; readonly directory: string },
): Promise<void> {
  const names = await readdir(container.directory).catch(() => []);
  await Promise.all(
    names
      .filter((name) => ownDirectory.test(name))
      .map((execId) => killLeft(host, container, execId)),
  );
}

async function killLeft(
  { tasks, clock }: { readonly tasks: ExecTasks; readonly clock: Clock },
  { id, directory }: { readonly id: string; readonly directory: string },
  execId: string,
): Promise<void> {
  const name = { containerId: id, execId };
  const isThere = await tasks.kill(name, sigkill).then(
    () => true,
    () => false,
  );
  if (isThere) {
    const ended = tasks.wait(name).catch(() => undefined);
    await Promise.race([ended, delay(clock, endMs)]);
  }
  // One that has ended, or was prepared and never started, cannot be killed but is there to be removed.
  await tasks.remove(name).catch(() => undefined);
  await rm(join(directory, execId), { recursive: true, force: true });
}
