/** Objects of a file system held by descriptors, so that no rename or link can change what is meant. */
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  open,
  opendir,
  readFile,
  readlink,
  rename,
  rmdir,
  symlink,
  unlink,
} from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { codeOf, SafeFileError } from './errors.js';
import { treeLimits } from './limits.js';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/**
 * Linux's O_PATH, which Node has no name for: a descriptor that only names its object. The same on every Linux that
 * Node runs on.
 */
const O_PATH = 0o10000000;

/** One object of any kind. Nothing was read from it, written to it or waited for. Its owner closes it. */
export class Held {
  readonly #handle: FileHandle;

  protected constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Holds what a path leads to, links followed: for paths that only the agent, or only root, can change. */
  static async open(path: string): Promise<Held> {
    return new Held(await open(path, O_PATH));
  }

  /** Holds the entry of a directory itself, a link too. For {@link HeldDirectory}. */
  static async openEntry(path: string): Promise<Held> {
    return new Held(await open(path, O_PATH | O_NOFOLLOW));
  }

  /** Leads to the object from this process, whatever becomes of its name. */
  get path(): string {
    return `/proc/self/fd/${this.#handle.fd}`;
  }

  /**
   * Leads to the object from a process that this one starts, as long as this is open. For `mount --no-canonicalize`.
   */
  get pathForOthers(): string {
    return `/proc/${process.pid}/fd/${this.#handle.fd}`;
  }

  /**
   * The name under which the object is found now: for where nothing can be mounted. It may be another's a moment later.
   */
  resolve(): Promise<string> {
    return readlink(this.path);
  }

  stat(): Promise<Stats> {
    return this.#handle.stat();
  }

  /** Returns the object's status and closes it. */
  async statAndClose(): Promise<Stats> {
    try {
      return await this.stat();
    } finally {
      await this.close();
    }
  }

  /**
   * Returns the id of the mount that holds the object: it differs on the two sides of a mount point, a bind mount's
   * too.
   */
  async mountId(): Promise<number> {
    const text = await readFile(`/proc/self/fdinfo/${this.#handle.fd}`, 'utf8');
    const id = /^mnt_id:\s*(\d+)$/m.exec(text)?.[1];
    if (id === undefined) throw new SafeFileError('CROSSES_MOUNT', 'the mount is not known');
    return Number(id);
  }

  /** Not for links. @param mode permission bits, set-group-id and the like included */
  async chmod(mode: number): Promise<void> {
    await chmod(this.path, mode);
  }

  /** Not for links. -1 leaves an id as it is. */
  async chown(userId: number, groupId: number): Promise<void> {
    await chown(this.path, userId, groupId);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** A directory. Every name is one component of it; none is followed if it is a link. */
export class HeldDirectory extends Held {
  /**
   * Holds the directory that a path leads to, links followed: for paths that only the agent, or only root, can change.
   */
  static override async open(path: string): Promise<HeldDirectory> {
    return new HeldDirectory(await open(path, O_PATH | O_DIRECTORY));
  }

  /** @throws SafeFileError NOT_FOUND */
  async entry(name: string): Promise<Held> {
    const found = await this.tryEntry(name);
    if (found === undefined) throw new SafeFileError('NOT_FOUND', `"${name}" does not exist`);
    return found;
  }

  async tryEntry(name: string): Promise<Held | undefined> {
    try {
      return await Held.openEntry(this.#at(name));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** @throws SafeFileError NOT_A_DIRECTORY for a link too, NOT_FOUND */
  async directory(name: string): Promise<HeldDirectory> {
    try {
      return new HeldDirectory(await open(this.#at(name), O_PATH | O_NOFOLLOW | O_DIRECTORY));
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOTDIR' || code === 'ELOOP') {
        throw new SafeFileError('NOT_A_DIRECTORY', `"${name}" is not a directory`);
      }
      if (code === 'ENOENT') throw new SafeFileError('NOT_FOUND', `"${name}" does not exist`);
      throw error;
    }
  }

  /** The same directory once more, to be closed on its own. */
  async again(): Promise<HeldDirectory> {
    return new HeldDirectory(await open(this.path, O_PATH | O_DIRECTORY));
  }

  /**
   * The directory of that name, made with exactly these permission bits if it is not there.
   * @throws SafeFileError NOT_A_DIRECTORY when something else is there
   */
  async makeDirectory(name: string, mode: number): Promise<HeldDirectory> {
    let made = true;
    try {
      await mkdir(this.#at(name), { mode: 0o700 });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      made = false;
    }
    const directory = await this.directory(name);
    if (made) await directory.chmod(mode);
    return directory;
  }

  /** In no order, in pieces: a directory may have millions. */
  async *names(): AsyncGenerator<string> {
    for await (const entry of await opendir(this.path)) yield entry.name;
  }

  /** Writes a file that must not be there yet. */
  async createFile(
    name: string,
    data: Uint8Array,
    options: { readonly mode: number; readonly userId?: number; readonly groupId?: number },
  ): Promise<void> {
    const file = await open(this.#at(name), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
    try {
      await file.writeFile(data);
      const { userId = -1, groupId = -1, mode } = options;
      if (userId !== -1 || groupId !== -1) await file.chown(userId, groupId);
      await file.chmod(mode);
    } finally {
      await file.close();
    }
  }

  /** Reads the target of a link; undefined when it is no link, or does not exist. */
  async link(name: string): Promise<string | undefined> {
    try {
      return await readlink(this.#at(name));
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EINVAL') return undefined;
      throw error;
    }
  }

  async createLink(name: string, target: string): Promise<void> {
    await symlink(target, this.#at(name));
  }

  /** Gives an entry another name, in another directory of the same file system if one is given. */
  async rename(from: string, to: string, into: HeldDirectory = this): Promise<void> {
    await rename(this.#at(from), into.#at(to));
  }

  /** Removes what is not a directory. */
  async unlink(name: string): Promise<void> {
    await unlink(this.#at(name));
  }

  /** Removes an empty directory. */
  async removeDirectory(name: string): Promise<void> {
    await rmdir(this.#at(name));
  }

  #at(name: string): string {
    return `${this.path}/${checkedName(name)}`;
  }
}

/** @throws SafeFileError BAD_NAME for what is not one component of a path */
export function checkedName(name: string): string {
  const bad = name === '' || name === '.' || name === '..' || /[/\0]/.test(name);
  if (bad || Buffer.byteLength(name) > treeLimits.nameBytesMax) {
    throw new SafeFileError('BAD_NAME', `${JSON.stringify(name.slice(0, 64))} is not a file name`);
  }
  return name;
}
