import { closeSync, fsyncSync, openSync, renameSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Gives a file or a directory another name in the same file system, for good: the names are synced before it returns.
 * The caller must have synced the content of the file before, as `writeWhole` does.
 * @throws the system's error, with nothing renamed
 */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  for (const directory of parents(from, to)) await syncDirectory(directory);
}

/** {@link renameDurably} for callers that must not be interrupted. */
export function renameDurablySync(from: string, to: string): void {
  renameSync(from, to);
  for (const directory of parents(from, to)) syncDirectorySync(directory);
}

/** The new name goes first: an entry that the power cut shows twice is better than one that is gone. */
function parents(from: string, to: string): Set<string> {
  return new Set([dirname(to), dirname(from)]);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function syncDirectorySync(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
