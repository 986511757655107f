/** Unpacks what a container packed. It controls the archive: nothing may arrive but files at or below the target. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readdir, readlink, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';

/** Set-user-ID, set-group-ID and sticky bits are the container's affair. */
const permissionBits = 0o777;

/** The input of {@link unpackTree}. */
export interface ArchiveInput {
  readonly write: (data: Uint8Array) => void;
  /** Resolves when more can be written, or nothing will be read any more. */
  readonly drained: () => Promise<void>;
}

/**
 * Unpacks the member `name` of an archive as `target`, by way of a directory of its own beside it, in which links of
 * the archive lead nowhere. Links and devices are left out, as kubectl does with links.
 * @param feed writes the archive
 * @returns false when the archive does not hold that member, or is broken; tar has said why
 */
export async function unpackTree(
  { name, target }: { readonly name: string; readonly target: string },
  warn: (text: string) => void,
  feed: (input: ArchiveInput) => Promise<void>,
): Promise<boolean> {
  await mkdir(dirname(target), { recursive: true });
  const staging = await mkdtemp(join(dirname(target), '.trireme-cp-'));
  try {
    if (!(await extract(name, staging, feed))) return false;
    await place(join(staging, name), target, warn);
    return true;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function extract(
  name: string,
  directory: string,
  feed: (input: ArchiveInput) => Promise<void>,
): Promise<boolean> {
  const flags = ['--no-same-owner', '--no-same-permissions'];
  const tar = spawn('tar', ['-x', '-f', '-', '-C', directory, ...flags, '--', name], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  let problem: unknown;
  const ended = new Promise<boolean>((resolve) => {
    tar.once('error', (error) => {
      problem = error;
      resolve(false);
    });
    tar.once('close', (code) => resolve(code === 0));
  });
  // Writes after tar has ended fail; its exit code tells more.
  tar.stdin.on('error', () => undefined);
  let isFull = false;
  try {
    await feed({
      write: (data) => {
        isFull = !tar.stdin.write(data);
      },
      drained: async () => {
        if (!isFull) return;
        const drained = new Promise((resolve) => tar.stdin.once('drain', resolve));
        await Promise.race([drained, ended]);
      },
    });
  } finally {
    tar.stdin.end();
  }
  const isWhole = await ended;
  if (problem !== undefined) {
    throw new CommandLineError(`unable to run tar: ${errorMessage(problem)}`, { plain: true });
  }
  return isWhole;
}

/** Moves regular files, and makes the directories that they need. */
async function place(from: string, to: string, warn: (text: string) => void): Promise<void> {
  const stats = await lstat(from);
  if (stats.isDirectory()) {
    if (!existsSync(to)) await mkdir(to, { mode: stats.mode & permissionBits });
    for (const entry of await readdir(from)) await place(join(from, entry), join(to, entry), warn);
  } else if (stats.isFile()) {
    await chmod(from, stats.mode & permissionBits);
    await rename(from, to);
  } else if (stats.isSymbolicLink()) {
    warn(`warning: skipping symlink: "${to}" -> "${await readlink(from)}"\n`);
  } else {
    warn(`warning: skipping "${to}", which is no regular file\n`);
  }
}
