import { expect, test } from '@jest/globals';
import { readEvictionFlags, defaultEvictionFlags } from '../eviction/thresholds.js';
import { configurationOf } from './configuration.js';

const names = { clusterDns: '10.96.0.10', clusterDomain: 'cluster.local' };
const settings = {
  agentPort: 10_250,
  podsMax: 110,
  unsafeSysctls: [],
  eviction: readEvictionFlags(defaultEvictionFlags),
  leaseSeconds: 40,
  taints: [],
};

test('the settings of a node that was given no flags', () => {
  expect(configurationOf(settings, names)).toEqual({
    kubeletconfig: {
      enableServer: true,
      address: '0.0.0.0',
      port: 10_250,
      rotateCertificates: true,
      serverTLSBootstrap: true,
      authentication: {
        x509: {},
        webhook: { enabled: true, cacheTTL: '2m0s' },
        anonymous: { enabled: false },
      },
      authorization: {
        mode: 'Webhook',
        webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' },
      },
      registerNode: true,
      clusterDomain: 'cluster.local',
      clusterDNS: ['10.96.0.10'],
      syncFrequency: '1m0s',
      nodeStatusUpdateFrequency: '10s',
      nodeStatusReportFrequency: '5m0s',
      nodeLeaseDurationSeconds: 40,
      imageMinimumGCAge: '2m0s',
      imageGCHighThresholdPercent: 85,
      imageGCLowThresholdPercent: 80,
      maxPods: 110,
      evictionHard: {
        'memory.available': '100Mi',
        'nodefs.available': '10%',
        'nodefs.inodesFree': '5%',
        'imagefs.available': '15%',
        'imagefs.inodesFree': '5%',
      },
      evictionPressureTransitionPeriod: '5m0s',
    },
  });
});

test('what flags have set', () => {
  const eviction = readEvictionFlags({
    ...defaultEvictionFlags,
    evictionHard: 'memory.available<7.5%',
    evictionSoft: 'nodefs.available<1Gi',
    evictionSoftGracePeriod: 'nodefs.available=1m30s',
    evictionMinimumReclaim: 'memory.available=0Mi,nodefs.available=500Mi',
    evictionMaxPodGracePeriod: '60',
  });
  const taints = [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }];
  const given = { ...settings, eviction, taints, unsafeSysctls: ['kernel.msg*'] };
  expect(configurationOf(given, names)).toMatchObject({
    kubeletconfig: {
      registerWithTaints: taints,
      allowedUnsafeSysctls: ['kernel.msg*'],
      evictionHard: { 'memory.available': '7.5%' },
      evictionSoft: { 'nodefs.available': '1Gi' },
      evictionSoftGracePeriod: { 'nodefs.available': '1m30s' },
      evictionMaxPodGracePeriod: 60,
      evictionMinimumReclaim: { 'memory.available': '0', 'nodefs.available': '500Mi' },
    },
  });
});
