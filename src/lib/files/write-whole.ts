import { chmod, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { renameDurably } from './rename-durably.js';

/** A temporary name is taken once in a process. */
let count = 0;

/**
 * Writes a file whole or not at all, also where the power fails: the content is synced before it gets its name, the
 * name before this returns.
 * @param mode of the file, whatever the umask. @default 0o600
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}-${++count}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', mode);
  try {
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await renameDurably(temporary, path);
}

/** Makes a directory that only its owner may enter, whatever the umask and however it was made before. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
}
