/** Runs CNI plugins (spec 0.4.0): environment and JSON in, JSON out. One parser, one error per command. */
import type { RunCommand } from '../command.js';
import type { HostPort, PodRef } from '../types.js';
import { PodNetworkError } from '../types.js';

/** The version of the CNI specification that we speak with plugins. */
export const cniVersion = '0.4.0';

/** The name of our network, also the directory of host-local's leases. */
export const networkName = 'trireme';

/** The part of a plugin's answer that we read. */
export interface CniResult {
  readonly cniVersion?: string;
  readonly ips?: readonly { readonly address: string; readonly version?: string }[];
}

/** Runs plugins. */
export interface CniRunner {
  readonly run: RunCommand;
  readonly binDir: string;
}

/** @param netnsPath "" for DEL when the namespace is gone: plugins then free what they hold elsewhere */
export async function callPlugin(
  cni: CniRunner,
  command: 'ADD' | 'DEL',
  conf: Readonly<Record<string, unknown>>,
  target: { readonly containerId: string; readonly netnsPath: string; readonly ifName: string },
): Promise<CniResult> {
  const plugin = String(conf['type']);
  const result = await cni.run(`${cni.binDir}/${plugin}`, [], {
    stdin: JSON.stringify({ cniVersion, name: networkName, ...conf }),
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: target.containerId,
      CNI_NETNS: target.netnsPath,
      CNI_IFNAME: target.ifName,
      CNI_PATH: cni.binDir,
    },
  });
  if (result.code !== 0) {
    const message = errorText(result.stdout) ?? result.stderr.trim().slice(0, 500);
    const full = /no IP addresses available/.test(message);
    throw new PodNetworkError(
      full ? 'NoAddressLeft' : 'CommandFailed',
      `plugin type="${plugin}" failed (${command.toLowerCase()}): ${message}`,
    );
  }
  if (command === 'DEL' || result.stdout.trim() === '') return {};
  try {
    return JSON.parse(result.stdout) as CniResult;
  } catch (cause) {
    throw new PodNetworkError('BadAnswer', `plugin type="${plugin}": no JSON`, { cause });
  }
}

/** A pod's id for plugins; host-local keeps it in its lease files. */
export function containerId(pod: Pick<PodRef, 'podUid'>): string {
  return pod.podUid;
}

/** The configuration of the `bridge` plugin with `host-local` addresses. */
export function bridgeConf(options: {
  readonly bridge: string;
  readonly mtu: number;
  readonly podCidr: string;
  readonly leaseDir: string;
}): Record<string, unknown> {
  return {
    type: 'bridge',
    bridge: options.bridge,
    isGateway: true,
    hairpinMode: true,
    mtu: options.mtu,
    ipam: {
      type: 'host-local',
      dataDir: options.leaseDir,
      ranges: [[{ subnet: options.podCidr }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
}

/** portmap publishes host ports; it needs the bridge plugin's result. */
export function portmapConf(
  hostPorts: readonly HostPort[],
  prevResult: CniResult | undefined,
): Record<string, unknown> {
  return {
    type: 'portmap',
    capabilities: { portMappings: true },
    snat: true,
    runtimeConfig: {
      portMappings: hostPorts.map((port) => ({
        hostPort: port.hostPort,
        containerPort: port.containerPort,
        protocol: port.protocol.toLowerCase(),
        ...(port.hostIp === undefined || port.hostIp === '' ? {} : { hostIP: port.hostIp }),
      })),
    },
    ...(prevResult === undefined ? {} : { prevResult }),
  };
}

function errorText(stdout: string): string | undefined {
  try {
    const { msg, details } = JSON.parse(stdout) as { msg?: string; details?: string };
    return [msg, details].filter((text) => text !== undefined && text !== '').join('; ');
  } catch {
    return undefined;
  }
}
