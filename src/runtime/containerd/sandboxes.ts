import { access, chmod, mkdir, rmdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { codeOf } from '../../lib/safe-files/index.js';
import type { CommandResult, RunCommand } from '../spawn.js';
import type { StateStore } from '../state-store.js';
import type { SandboxConfig, SandboxState } from '../types.js';
import { RuntimeError } from '../types.js';
import { removeCgroups } from '../cgroups.js';
import { isMounted, mountedAmong } from '../mounts.js';
import type { Pause } from './pause.js';
import { isPause, killPause, startPause } from './pause.js';

/** The record of a sandbox. */
export interface SandboxRecord {
  readonly config: SandboxConfig;
  readonly createdAtMs: number;
  /** Of the process that holds the shared PID namespace. */
  readonly pausePid?: number;
  /** When that began; absent in records of earlier versions. */
  readonly pauseStart?: string;
}

/** The dependencies of the sandboxes of one containerd. */
export interface SandboxesOptions {
  readonly dir: string;
  readonly shim: string;
  readonly cgroupRoot: string;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly store: StateStore<SandboxRecord>;
}

const commandTimeoutMs = 10_000;

/**
 * A pod's shared parts without a pause container: a named network namespace, an IPC namespace kept by a bind mount, a
 * tmpfs for /dev/shm, and only where the pod shares its PID namespace a small init that holds it and reaps orphans.
 */
export class Sandboxes {
  readonly #options: SandboxesOptions;

  constructor(options: SandboxesOptions) {
    this.#options = options;
  }

  /** The directory in which IPC namespaces are mounted must be private, else the kernel refuses. */
  async start(): Promise<void> {
    const dir = join(this.#options.dir, 'ipc');
    await mkdir(dir, { recursive: true });
    // A pod's shared memory is writable for every user who comes so far.
    await chmod(this.#options.dir, 0o700);
    if (await isMounted(dir)) return;
    await this.#must('mount', ['--bind', dir, dir]);
    await this.#must('mount', ['--make-private', dir]);
  }

  /**
   * What a container joins.
   * @throws RuntimeError when the process with the number of the shared PID namespace's init is another by now
   */
  async pathsToJoin(record: SandboxRecord): Promise<ReturnType<Sandboxes['paths']>> {
    const pause = pauseOf(record);
    const isGone = pause === undefined ? needsPause(record.config) : !(await isPause(pause));
    if (isGone) {
      throw new RuntimeError('CreateFailed', 'the shared PID namespace of the pod is gone');
    }
    return this.paths(record);
  }

  paths(record: SandboxRecord): {
    readonly network?: string;
    readonly ipc?: string;
    readonly pid?: string;
    readonly shm?: string;
  } {
    const { id, namespaces } = record.config;
    return {
      ...(namespaces.hostNetwork ? {} : { network: netnsPath(id) }),
      ...(namespaces.hostIpc ? { shm: '/dev/shm' } : { ipc: this.#ipc(id), shm: this.#shm(id) }),
      ...(record.pausePid === undefined ? {} : { pid: `/proc/${record.pausePid}/ns/pid` }),
    };
  }

  async create(config: SandboxConfig): Promise<SandboxState> {
    const { store, clock } = this.#options;
    const old = store.get(config.id);
    if (old !== undefined && (await this.#whole(old))) return stateOf(old);
    const record: SandboxRecord = { config, createdAtMs: clock.nowMs() };
    await store.set(config.id, record);
    await Promise.all([
      config.namespaces.hostNetwork ? undefined : this.#addNetns(config.id),
      config.namespaces.hostIpc ? undefined : this.#addIpc(config.id),
      config.namespaces.hostIpc ? undefined : this.#addShm(config.id),
    ]);
    const whole = needsPause(config) ? { ...record, ...(await this.#addPause()) } : record;
    await store.set(config.id, whole);
    return stateOf(whole);
  }

  async remove(id: string): Promise<void> {
    const { store, run } = this.#options;
    const record = store.get(id);
    const pause = record === undefined ? undefined : pauseOf(record);
    if (pause !== undefined) await killPause(pause);
    if (record?.config.namespaces.hostNetwork !== true && (await exists(netnsPath(id)))) {
      await this.#must('ip', ['netns', 'delete', netnsName(id)]);
    }
    const paths = [this.#ipc(id), this.#shm(id)];
    const mounted = await mountedAmong(paths);
    if (mounted.length > 0) {
      await run('umount', ['--lazy', ...mounted], { timeoutMs: commandTimeoutMs });
    }
    // Bare mount points: what is still mounted would be the pod's, and refuses.
    await Promise.all([removeIfThere(unlink(this.#ipc(id))), removeIfThere(rmdir(this.#shm(id)))]);
    if (record !== undefined) await removeCgroups(this.cgroupOf(record.config));
    await store.delete(id);
  }

  /** The pod's cgroup, below the mount point of a controller. */
  cgroupOf(config: SandboxConfig): string {
    if (config.cgroupParent !== undefined) return config.cgroupParent;
    const qos = { Guaranteed: '', Burstable: '/burstable', BestEffort: '/besteffort' };
    return `${this.#options.cgroupRoot}${qos[config.qosClass]}/pod${config.pod.uid}`;
  }

  /** False when the machine has been off meanwhile, or somebody took a part away. */
  async isWhole(id: string): Promise<boolean> {
    const record = this.#options.store.get(id);
    return record !== undefined && this.#whole(record);
  }

  async #whole(record: SandboxRecord): Promise<boolean> {
    const { network, ipc } = this.paths(record);
    for (const path of [network, ipc]) {
      if (path !== undefined && !(await exists(path))) return false;
    }
    const pause = pauseOf(record);
    // An agent that died while it made it has left a record without.
    if (pause === undefined && needsPause(record.config)) return false;
    if (pause !== undefined && !(await isPause(pause))) return false;
    if (record.config.namespaces.hostIpc) return true;
    return isMounted(this.#shm(record.config.id));
  }

  async #addPause(): Promise<Pick<SandboxRecord, 'pausePid' | 'pauseStart'>> {
    const { pid, start } = await startPause(this.#options.shim);
    return { pausePid: pid, ...(start === undefined ? {} : { pauseStart: start }) };
  }

  async #addNetns(id: string): Promise<void> {
    if (await exists(netnsPath(id))) return;
    await this.#must('ip', ['netns', 'add', netnsName(id)]);
  }

  async #addIpc(id: string): Promise<void> {
    const path = this.#ipc(id);
    if (await isMounted(path)) return;
    await writeFile(path, '');
    await this.#must('unshare', [`--ipc=${path}`, 'true']);
  }

  async #addShm(id: string): Promise<void> {
    const path = this.#shm(id);
    if (await isMounted(path)) return;
    await mkdir(path, { recursive: true });
    const options = 'size=65536k,mode=1777,nosuid,nodev,noexec';
    await this.#must('mount', ['-t', 'tmpfs', '-o', options, 'shm', path]);
  }

  #ipc(id: string): string {
    return join(this.#options.dir, 'ipc', id);
  }

  #shm(id: string): string {
    return join(this.#options.dir, 'shm', id);
  }

  async #must(program: string, args: readonly string[]): Promise<CommandResult> {
    const result = await this.#options.run(program, args, { timeoutMs: commandTimeoutMs });
    if (result.code === 0) return result;
    throw new RuntimeError(
      'Failed',
      `failed to create pod sandbox: ${program} ${args.join(' ')}: ${result.stderr.trim()}`,
      { retryable: true },
    );
  }
}

/** Makes the state that the agent sees from a record. */
export function stateOf(record: SandboxRecord): SandboxState {
  const { id, pod, namespaces } = record.config;
  return {
    id,
    pod,
    createdAtMs: record.createdAtMs,
    ...(namespaces.hostNetwork ? {} : { netnsPath: netnsPath(id) }),
  };
}

function netnsName(id: string): string {
  return `trireme-${id}`;
}

function netnsPath(id: string): string {
  return `/run/netns/${netnsName(id)}`;
}

function needsPause({ namespaces: { sharePid, hostPid } }: SandboxConfig): boolean {
  return sharePid && !hostPid;
}

function pauseOf({ pausePid: pid, pauseStart: start }: SandboxRecord): Pause | undefined {
  if (pid === undefined) return undefined;
  return { pid, ...(start === undefined ? {} : { start }) };
}

async function removeIfThere(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
