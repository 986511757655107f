/** Reads the facts of the machine, once at start. */
import { readFile, statfs } from 'node:fs/promises';
import { arch, cpus, hostname, release, totalmem } from 'node:os';

/** The facts of a machine that its Node object reports. */
export interface MachineFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly hostname: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** As Go names it: amd64, arm64. */
  readonly architecture: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** @param dataDir whose file system holds containers and volumes */
export async function readMachine(dataDir: string): Promise<MachineFacts> {
  const text = async (path: string): Promise<string> =>
    (await readFile(path, 'utf8').catch(() => '')).trim();
  const disk = await statfs(dataDir).catch(() => undefined);
  const osRelease = await text('/etc/os-release');
  const machineId = await text('/etc/machine-id');
  const bootId = await text('/proc/sys/kernel/random/boot_id');
  return {
    cpus: cpus().length,
    memoryBytes: totalmem(),
    diskBytes: disk === undefined ? 0 : Number(disk.blocks) * Number(disk.bsize),
    hostname: hostname(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
    architecture: architectures[arch()] ?? arch(),
    machineId,
    systemUuid: (await text('/sys/class/dmi/id/product_uuid')) || machineId,
    bootId,
  };
}

/** Capacity as quantities. */
export function capacityOf(facts: MachineFacts, podsMax: number): Record<string, string> {
  return {
    cpu: String(facts.cpus),
    'ephemeral-storage': `${Math.floor(facts.diskBytes / 1024)}Ki`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
    pods: String(podsMax),
  };
}

/**
 * Returns the resources that pods may use: some memory and disk stay for the node itself, as with kubelet's eviction
 * thresholds.
 */
export function allocatableOf(facts: MachineFacts, podsMax: number): Record<string, string> {
  const reservedBytes = 100 * 1024 * 1024;
  return {
    ...capacityOf(facts, podsMax),
    'ephemeral-storage': String(Math.floor(facts.diskBytes * 0.9)),
    memory: `${Math.floor(Math.max(0, facts.memoryBytes - reservedBytes) / 1024)}Ki`,
  };
}
