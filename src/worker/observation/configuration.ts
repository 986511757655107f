/**
 * The settings that the node runs with, as kubelet shows its own at `/configz`: by the names of KubeletConfiguration,
 * and those alone that mean something here. Pure.
 * @see kubelet.config.k8s.io/v1beta1, KubeletConfiguration
 */
import { agentTimes } from '../../client/door/delegated-access.js';
import { formatDurationMs } from '../../lib/go-duration.js';
import { resyncMs } from '../agent/pod-manager.js';
import type { EvictionSettings, Threshold, ThresholdValue } from '../eviction/thresholds.js';
import { imageCollection } from '../images/image-collector.js';
import { statusEveryMs } from '../node/node-agent.js';
import { heartbeatEveryMs } from '../node/node-object.js';
import type { WorkerOptions } from '../options.js';

/** What the cluster has told a node that joined it. */
export interface ClusterNames {
  readonly clusterDns: string;
  readonly clusterDomain: string;
}

type Settings = Pick<
  WorkerOptions,
  'agentPort' | 'podsMax' | 'unsafeSysctls' | 'eviction' | 'leaseSeconds' | 'taints'
>;

/** Returns the body of `/configz`. */
export function configurationOf(settings: Settings, names: ClusterNames): object {
  return {
    kubeletconfig: {
      enableServer: true,
      address: '0.0.0.0',
      port: settings.agentPort,
      rotateCertificates: true,
      serverTLSBootstrap: true,
      authentication: {
        x509: {},
        webhook: { enabled: true, cacheTTL: formatDurationMs(agentTimes.tokenMs) },
        anonymous: { enabled: false },
      },
      authorization: {
        mode: 'Webhook',
        webhook: {
          cacheAuthorizedTTL: formatDurationMs(agentTimes.allowedMs),
          cacheUnauthorizedTTL: formatDurationMs(agentTimes.refusedMs),
        },
      },
      registerNode: true,
      ...(settings.taints.length === 0 ? {} : { registerWithTaints: settings.taints }),
      clusterDomain: names.clusterDomain,
      clusterDNS: [names.clusterDns],
      syncFrequency: formatDurationMs(resyncMs),
      nodeStatusUpdateFrequency: formatDurationMs(statusEveryMs),
      nodeStatusReportFrequency: formatDurationMs(heartbeatEveryMs),
      nodeLeaseDurationSeconds: settings.leaseSeconds,
      imageMinimumGCAge: formatDurationMs(imageCollection.unusedMsMin),
      imageGCHighThresholdPercent: imageCollection.highPercent,
      imageGCLowThresholdPercent: imageCollection.lowPercent,
      maxPods: settings.podsMax,
      ...(settings.unsafeSysctls.length === 0
        ? {}
        : { allowedUnsafeSysctls: settings.unsafeSysctls }),
      ...evictionOf(settings.eviction),
    },
  };
}

function evictionOf({ thresholds, transitionMs, podGraceSecondsMax }: EvictionSettings): object {
  const hard = thresholds.filter(({ graceMs }) => graceMs === 0);
  const soft = thresholds.filter(({ graceMs }) => graceMs > 0);
  const values = (of: readonly Threshold[]): object =>
    Object.fromEntries(of.map(({ signal, value }) => [signal, valueText(value)]));
  return {
    evictionHard: values(hard),
    ...(soft.length === 0
      ? {}
      : {
          evictionSoft: values(soft),
          evictionSoftGracePeriod: Object.fromEntries(
            soft.map(({ signal, graceMs }) => [signal, formatDurationMs(graceMs)]),
          ),
          evictionMaxPodGracePeriod: podGraceSecondsMax,
        }),
    evictionPressureTransitionPeriod: formatDurationMs(transitionMs),
    ...reclaimOf(thresholds),
  };
}

function reclaimOf(thresholds: readonly Threshold[]): object {
  const reclaimed = thresholds.flatMap(({ signal, minReclaim }) =>
    minReclaim === undefined ? [] : [[signal, valueText(minReclaim)] as const],
  );
  return reclaimed.length === 0 ? {} : { evictionMinimumReclaim: Object.fromEntries(reclaimed) };
}

function valueText(value: ThresholdValue): string {
  return 'quantity' in value
    ? value.quantity.toString()
    : `${Math.round(value.share * 1e6) / 1e4}%`;
}
