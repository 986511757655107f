import { readFile } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import type { SecurityConfig } from '../types.js';
import { RuntimeError } from '../types.js';
import * as commands from './commands.js';
import type { Ctr } from './ctr.js';

/**
 * Finds the profile that a container asks for. `RuntimeDefault` is the one that this machine's containerd has built in:
 * it is read once from a container that is described and never run.
 */
export class SeccompProfiles {
  readonly #ctr: Ctr;
  readonly #localhostDir: string;
  #runtimeDefault: Promise<unknown> | undefined;

  constructor(options: { readonly ctr: Ctr; readonly localhostDir: string }) {
    this.#ctr = options.ctr;
    this.#localhostDir = options.localhostDir;
  }

  async find(security: SecurityConfig): Promise<unknown> {
    if (security.privileged || security.seccomp === 'Unconfined') return undefined;
    if (security.seccomp === 'RuntimeDefault') {
      this.#runtimeDefault ??= this.#readDefault();
      return this.#runtimeDefault;
    }
    const name = security.seccomp.localhostProfile;
    if (isAbsolute(name) || normalize(name).startsWith('..')) {
      throw new RuntimeError('CreateFailed', `seccomp profile "${name}" is not a local path`, {
        retryable: false,
      });
    }
    try {
      return JSON.parse(await readFile(join(this.#localhostDir, name), 'utf8')) as unknown;
    } catch (cause) {
      throw new RuntimeError('CreateFailed', `cannot load seccomp profile "${name}"`, { cause });
    }
  }

  async #readDefault(): Promise<unknown> {
    const id = 'trireme-seccomp-default';
    try {
      await this.#ctr.callIfPresent(commands.containersRemove(id));
      await this.#ctr.call(commands.seccompProbe(id, '/'));
      const spec = JSON.parse(await this.#ctr.call(commands.containersInfo(id))) as {
        linux?: { seccomp?: unknown };
      };
      return spec.linux?.seccomp;
    } catch (error) {
      this.#runtimeDefault = undefined;
      throw error;
    } finally {
      await this.#ctr.attempt(commands.containersRemove(id));
    }
  }
}
