import { expect, test } from '@jest/globals';
import type { PersistentVolume } from '../../../api/types/core.js';
import { reclaimOf } from './reclaim.js';

const volume = (policy: string, spec: object = {}, by?: string): PersistentVolume => ({
  metadata: {
    name: 'v',
    annotations: by === undefined ? {} : { 'pv.kubernetes.io/provisioned-by': by },
  },
  spec: { persistentVolumeReclaimPolicy: policy, ...spec },
});
const hostPath = (path: string) => ({ hostPath: { path } });
const csi = { csi: { driver: 'd', volumeHandle: 'h' } };

test.each([
  ['retained', volume('Retain', hostPath('/x')), { type: 'keep' }],
  ['of our own provisioner', volume('Delete', {}, 'trireme.dev/local-path'), { type: 'delete' }],
  ['of another provisioner', volume('Delete', csi, 'example.com/x'), { type: 'keep' }],
  ['of a CSI driver', volume('Delete', csi), { type: 'keep' }],
  [
    'of a path',
    volume('Delete', hostPath('/x')),
    {
      type: 'fail',
      reason: 'VolumeFailedDelete',
      message: 'host_path deleter only supports /tmp/.+ but received provided /x',
    },
  ],
  ['of a temporary path', volume('Delete', hostPath('/tmp/x')), { type: 'delete' }],
  [
    'of a server',
    volume('Delete', { nfs: { server: 's', path: '/' } }),
    {
      type: 'fail',
      reason: 'VolumeFailedDelete',
      message:
        'error getting deleter volume plugin for volume "v": no deletable volume plugin matched',
    },
  ],
  [
    'recycled',
    volume('Recycle', { nfs: { server: 's', path: '/' } }),
    {
      type: 'fail',
      reason: 'VolumeFailedRecycle',
      message: 'No recycler plugin found for the volume!',
    },
  ],
])('a volume that is %s', (_, of, wanted) => {
  expect(reclaimOf(of)).toEqual(wanted);
});
