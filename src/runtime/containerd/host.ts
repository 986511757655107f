import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RuntimeError } from '../types.js';
import { capabilitiesFromMask } from './capabilities.js';
import type { OciDevice } from './oci.js';

/** The facts of this machine that shape the specification of containers. */
export interface HostFacts {
  readonly cgroupV2: boolean;
  readonly mayLowerOomScore: boolean;
  /** The capabilities that this process may hand on. */
  readonly capabilities: ReadonlySet<string>;
}

/** Reads the facts from /proc and /sys. */
export async function readHostFacts(): Promise<HostFacts> {
  const cgroupV2 = await access('/sys/fs/cgroup/cgroup.controllers').then(
    () => true,
    () => false,
  );
  const status = await readFile('/proc/self/status', 'utf8');
  const mask = /^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0';
  const capabilities = new Set(capabilitiesFromMask(BigInt(`0x${mask}`)));
  return { cgroupV2, capabilities, mayLowerOomScore: capabilities.has('CAP_SYS_RESOURCE') };
}

/** The named device nodes, or all of the node's for a privileged container. */
export async function readDevices(paths: readonly string[], all: boolean): Promise<OciDevice[]> {
  const names = all ? await allDevices('/dev') : paths;
  const devices = await Promise.all(names.map((path) => readDevice(path, all)));
  return devices.filter((device) => device !== undefined);
}

async function readDevice(path: string, optional: boolean): Promise<OciDevice | undefined> {
  try {
    const info = await stat(path);
    const type = info.isBlockDevice() ? 'b' : info.isCharacterDevice() ? 'c' : undefined;
    if (type === undefined) return undefined;
    // Linux dev_t: minor bits 0-7 and 20-31, major bits 8-19.
    const major = (info.rdev >>> 8) & 0xfff;
    const minor = (info.rdev & 0xff) | ((info.rdev >>> 12) & 0xfff00);
    return { path, type, major, minor };
  } catch (error) {
    if (optional) return undefined;
    throw new RuntimeError('CreateFailed', `device ${path} cannot be used`, { cause: error });
  }
}

async function allDevices(dir: string): Promise<string[]> {
  const skipped = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', 'console']);
  const found: string[] = [];
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...(await allDevices(path)));
    else if (entry.isBlockDevice() || entry.isCharacterDevice()) found.push(path);
  }
  return found;
}
