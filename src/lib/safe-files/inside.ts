/** Follows a path without leaving its root, whatever others do to the tree meanwhile. */
import type { Held, HeldDirectory } from './held.js';
import { codeOf, SafeFileError } from './errors.js';
import { treeLimits } from './limits.js';

/** The rules for following a path below a directory. */
export interface InsideOptions {
  /**
   * The treatment of links: `refuse-outside` follows those that stay inside and refuses the others; `as-root` reads
   * them as a process would whose root directory this is, as in an image.
   */
  readonly links: 'refuse-outside' | 'as-root';
  /** Missing directories are made with these permission bits; absent: they are not made. */
  readonly makeMode?: number;
}

/**
 * Holds what `path` means below `root`. The caller closes it.
 * @throws SafeFileError ESCAPES, NOT_FOUND, NOT_A_DIRECTORY, TOO_DEEP, BAD_NAME
 */
export async function openInside(
  root: HeldDirectory,
  path: string,
  options: InsideOptions,
): Promise<Held> {
  const walk = new Walk(root, path, options);
  try {
    return await walk.run();
  } finally {
    await walk.close();
  }
}

class Walk {
  readonly #root: HeldDirectory;
  readonly #path: string;
  readonly #options: InsideOptions;
  /** Directories entered, the last one current; without the root, which is the caller's. */
  readonly #entered: HeldDirectory[] = [];
  /** Components still to go, the next one last. */
  readonly #pending: string[];
  #links = 0;

  constructor(root: HeldDirectory, path: string, options: InsideOptions) {
    this.#root = root;
    this.#path = path;
    this.#options = options;
    this.#pending = path.split('/').toReversed();
  }

  async run(): Promise<Held> {
    if (this.#path.startsWith('/') && this.#options.links !== 'as-root') throw this.#escapes();
    for (let name = this.#pending.pop(); name !== undefined; name = this.#pending.pop()) {
      if (name === '' || name === '.') continue;
      if (name === '..') {
        await this.#up();
        continue;
      }
      const file = await this.#enter(name);
      if (file !== undefined) return file;
    }
    return this.#current.again();
  }

  async close(): Promise<void> {
    for (const directory of this.#entered.splice(0)) await directory.close();
  }

  get #current(): HeldDirectory {
    return this.#entered.at(-1) ?? this.#root;
  }

  async #up(): Promise<void> {
    const left = this.#entered.pop();
    if (left !== undefined) await left.close();
    else if (this.#options.links !== 'as-root') throw this.#escapes();
  }

  /** @returns what the path ends at, unless that is a directory */
  async #enter(name: string): Promise<Held | undefined> {
    const found = await this.#current.tryEntry(name);
    if (found === undefined) {
      const { makeMode } = this.#options;
      if (makeMode === undefined) {
        throw new SafeFileError('NOT_FOUND', `"${this.#path}" does not exist`);
      }
      this.#push(await this.#current.makeDirectory(name, makeMode));
      return undefined;
    }
    let kept = false;
    try {
      const kind = await found.stat();
      if (kind.isSymbolicLink()) {
        await this.#follow(name);
      } else if (kind.isDirectory()) {
        this.#push(await this.#current.directory(name));
      } else if (this.#pending.every((rest) => rest === '')) {
        kept = true;
        return found;
      } else {
        throw new SafeFileError('NOT_A_DIRECTORY', `"${name}" is not a directory`);
      }
      return undefined;
    } finally {
      if (!kept) await found.close();
    }
  }

  async #follow(name: string): Promise<void> {
    this.#links += 1;
    if (this.#links > treeLimits.linksMax) {
      throw new SafeFileError('TOO_DEEP', `too many links on the way to "${this.#path}"`);
    }
    const target = await this.#current.link(name);
    // It was a link a moment ago: whoever changes it that fast gets no second look.
    if (target === undefined) throw this.#escapes();
    if (target.startsWith('/')) {
      if (this.#options.links !== 'as-root') throw this.#escapes();
      await this.close();
    }
    this.#pending.push(...target.split('/').toReversed());
  }

  #push(directory: HeldDirectory): void {
    this.#entered.push(directory);
    if (this.#entered.length > treeLimits.depthMax) {
      throw new SafeFileError('TOO_DEEP', `"${this.#path.slice(0, 64)}…" is too deep`);
    }
  }

  #escapes(): SafeFileError {
    return new SafeFileError('ESCAPES', `"${this.#path}" leads out of its volume`);
  }
}

/** As {@link openInside}; undefined when nothing is there. */
export async function tryOpenInside(
  root: HeldDirectory,
  path: string,
  options: InsideOptions,
): Promise<Held | undefined> {
  try {
    return await openInside(root, path, options);
  } catch (error) {
    if (error instanceof SafeFileError && error.code === 'NOT_FOUND') return undefined;
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
