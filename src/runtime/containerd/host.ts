import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceMapping } from '../types.js';
import { RuntimeError } from '../types.js';
import { capabilitiesFromMask } from './capabilities.js';
import type { GivenDevice } from './oci.js';

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

/**
 * The devices that a container is given, and for a privileged one all others of the node.
 * @throws RuntimeError CreateFailed for one that is none
 */
export async function readDevices(
  given: readonly DeviceMapping[],
  all: boolean,
): Promise<GivenDevice[]> {
  const own = await Promise.all(given.map(readDevice));
  if (!all) return own;
  const taken = new Set(own.map(({ path }) => path));
  const names = (await allDevices('/dev')).filter((path) => !taken.has(path));
  const others = await Promise.all(
    names.map((path) => deviceAt(path, { path, access: allAccess }).catch(() => undefined)),
  );
  return [...own, ...others.filter((device) => device !== undefined)];
}

const allAccess = 'rwm';

async function readDevice(mapping: DeviceMapping): Promise<GivenDevice> {
  const { hostPath, containerPath: path, permissions: access } = mapping;
  const failure = `device ${hostPath} cannot be used`;
  const found = await deviceAt(hostPath, { path, access }).catch((error: unknown) => {
    throw new RuntimeError('CreateFailed', failure, { cause: error });
  });
  if (found !== undefined) return found;
  throw new RuntimeError('CreateFailed', `${failure}: it is not a device`);
}

/** @returns undefined when no device is there */
async function deviceAt(
  hostPath: string,
  { path, access }: Pick<GivenDevice, 'path' | 'access'>,
): Promise<GivenDevice | undefined> {
  const info = await stat(hostPath);
  const type = info.isBlockDevice() ? 'b' : info.isCharacterDevice() ? 'c' : undefined;
  if (type === undefined) return undefined;
  // Linux dev_t: minor bits 0-7 and 20-31, major bits 8-19.
  const major = (info.rdev >>> 8) & 0xfff;
  const minor = (info.rdev & 0xff) | ((info.rdev >>> 12) & 0xfff00);
  return { path, type, major, minor, access };
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
