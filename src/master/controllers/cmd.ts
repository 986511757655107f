import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { ObjectReader } from '../../client/object-reader.js';
import { parseFlags } from '../../lib/flags.js';
import { certificateOfKey } from '../../lib/pki/bundle.js';
import type { KeyPair } from '../../lib/pki/certificates.js';
import { clientTlsFromFiles } from '../../lib/pki/tls-files.js';
import { derivedTls } from '../../lib/pki/tls-source.js';
import type { CommonFlags } from '../component/command.js';
import { addCommonFlags, durationOption, parseBoolean } from '../component/command.js';
import type { ControllerFlags } from './flags.js';
import { defaultFlags } from './flags.js';
import { queueName } from './queue-names.js';

interface ManagerFlags extends CommonFlags {
  readonly controllers: string;
  readonly clusterCidr: string;
  readonly clusterDns?: string;
  readonly allocateNodeCidrs: boolean;
  readonly nodeCidrMaskSize: number;
  readonly nodeCidrMaskSizeIpv6: number;
  readonly nodeMonitorPeriod: number;
  readonly nodeMonitorGracePeriod: number;
  readonly nodeStartupGracePeriod: number;
  readonly nodeEvictionRate: number;
  readonly secondaryNodeEvictionRate: number;
  readonly unhealthyZoneThreshold: number;
  readonly largeClusterSizeThreshold: number;
  readonly terminatedPodGcThreshold: number;
  readonly rootCaFile?: string;
  readonly clusterSigningCertFile?: string;
  readonly clusterSigningKeyFile?: string;
  readonly serviceAccountPrivateKeyFile?: string;
  readonly localPathRoot: string;
  readonly horizontalPodAutoscalerSyncPeriod: number;
}

/**
 * `trireme controller-manager …`. Resolves at SIGTERM.
 * @throws UsageError
 * @param argv the arguments after the command's name
 * @param reader shared with the other components of the program
 */
export async function runControllerManager(
  argv: readonly string[],
  reader?: ObjectReader,
): Promise<void> {
  const command = addControllerFlags(addCommonFlags(new Command('controller-manager'), 10_257));
  const parsed = parseFlags<ManagerFlags>(command, argv);
  if (parsed.help) return;
  const flags = parsed.options;
  // Loaded when it runs: help starts without.
  const { runComponent } = await import('../component/run.js');
  const { ComponentMetrics } = await import('../component/metrics.js');
  const { startControllers } = await import('./start.js');
  const metrics = new ComponentMetrics();
  const observer = (name: string): ReturnType<typeof metrics.queues.observer> =>
    metrics.queues.observer(queueName(name));
  const setUp = { name: 'kube-controller-manager', flags, metrics, reader };
  await runComponent(setUp, async (parts, signal) => {
    const { rootCaFile } = flags;
    const authority =
      rootCaFile === undefined ? undefined : clientTlsFromFiles({ ca: rootCaFile }, parts);
    const rootCa = authority && derivedTls(authority, ({ ca }) => ca?.toString() ?? '');
    const controllerFlags = { ...toControllerFlags(flags), ...(rootCa && { rootCa }) };
    const running = await startControllers(
      { ...parts, flags: controllerFlags, metrics: { observer } },
      signal,
    );
    return {
      async stop() {
        authority?.stop();
        await running.stop();
      },
    };
  });
}

function addControllerFlags(command: Command): Command {
  const d = defaultFlags;
  return command
    .option(
      '--controllers <names>',
      'controllers to run: "*" all, "name" one, "-name" not that one',
      '*',
    )
    .option('--cluster-cidr <cidrs>', 'blocks of pod addresses, IPv4 and IPv6', '')
    .option('--cluster-dns <address>', 'service address at which workers answer DNS')
    .option(
      '--allocate-node-cidrs [bool]',
      'give each node a block of pod addresses',
      parseBoolean,
      true,
    )
    .option(
      '--node-cidr-mask-size <bits>',
      "prefix length of a node's block (IPv4)",
      Number,
      d.nodeCidrMaskSize,
    )
    .option(
      '--node-cidr-mask-size-ipv6 <bits>',
      'the same for IPv6',
      Number,
      d.nodeCidrMaskSizeIpv6,
    )
    .addOption(
      durationOption(
        '--node-monitor-period <duration>',
        'time between checks of nodes',
        d.nodeMonitorPeriodMs,
      ),
    )
    .addOption(
      durationOption(
        '--node-monitor-grace-period <duration>',
        'a node without a sign for so long is unknown',
        d.nodeMonitorGracePeriodMs,
      ),
    )
    .addOption(
      durationOption(
        '--node-startup-grace-period <duration>',
        'the same for a node that never reported',
        d.nodeStartupGracePeriodMs,
      ),
    )
    .option(
      '--node-eviction-rate <n>',
      'nodes a second that lose their pods',
      Number,
      d.nodeEvictionRate,
    )
    .option(
      '--secondary-node-eviction-rate <n>',
      'the same while a zone is unhealthy',
      Number,
      d.secondaryNodeEvictionRate,
    )
    .option(
      '--unhealthy-zone-threshold <share>',
      'share of failed nodes from which a zone is unhealthy',
      Number,
      d.unhealthyZoneThreshold,
    )
    .option(
      '--large-cluster-size-threshold <n>',
      'up to so many nodes, an unhealthy zone is not evicted',
      Number,
      d.largeClusterSizeThreshold,
    )
    .option(
      '--terminated-pod-gc-threshold <n>',
      'ended pods that are kept',
      Number,
      d.terminatedPodGcThreshold,
    )
    .option('--root-ca-file <file>', 'authority that is published in each namespace')
    .option('--cluster-signing-cert-file <file>', 'authority that signs certificates')
    .option('--cluster-signing-key-file <file>', 'private key of that authority')
    .option('--service-account-private-key-file <file>', 'private key that signs tokens in Secrets')
    .option('--local-path-root <dir>', 'directory of local volumes on workers', d.localPathRoot)
    .addOption(
      durationOption(
        '--horizontal-pod-autoscaler-sync-period <duration>',
        'time between two looks at metrics',
        d.hpaSyncPeriodMs,
      ),
    );
}

/** While another authority is believed beside it, the key tells which one signs. */
function signerOf(cert: string, key: string): KeyPair {
  return { cert: certificateOfKey(cert, key), key };
}

function toControllerFlags(flags: ManagerFlags): Partial<ControllerFlags> {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const { clusterSigningCertFile: cert, clusterSigningKeyFile: key } = flags;
  const { serviceAccountPrivateKeyFile: serviceAccountKeyFile } = flags;
  return {
    controllers: flags.controllers.split(',').map((name) => name.trim()),
    clusterCidrs: flags.clusterCidr === '' ? [] : flags.clusterCidr.split(','),
    ...(flags.clusterDns === undefined ? {} : { clusterDns: flags.clusterDns }),
    allocateNodeCidrs: flags.allocateNodeCidrs,
    nodeCidrMaskSize: flags.nodeCidrMaskSize,
    nodeCidrMaskSizeIpv6: flags.nodeCidrMaskSizeIpv6,
    nodeMonitorPeriodMs: flags.nodeMonitorPeriod,
    nodeMonitorGracePeriodMs: flags.nodeMonitorGracePeriod,
    nodeStartupGracePeriodMs: flags.nodeStartupGracePeriod,
    nodeEvictionRate: flags.nodeEvictionRate,
    secondaryNodeEvictionRate: flags.secondaryNodeEvictionRate,
    unhealthyZoneThreshold: flags.unhealthyZoneThreshold,
    largeClusterSizeThreshold: flags.largeClusterSizeThreshold,
    terminatedPodGcThreshold: flags.terminatedPodGcThreshold,
    localPathRoot: flags.localPathRoot,
    hpaSyncPeriodMs: flags.horizontalPodAutoscalerSyncPeriod,
    ...(cert === undefined || key === undefined
      ? {}
      : { signing: () => signerOf(read(cert), read(key)) }),
    ...(serviceAccountKeyFile === undefined
      ? {}
      : { serviceAccountKey: () => read(serviceAccountKeyFile) }),
  };
}
