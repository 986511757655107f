import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { buildOf, buildVersion, kubernetesVersion, kubernetesVersionOf } from './version.js';

/** https://semver.org, for what Kubernetes' clients and Helm read. */
const semantic = /^v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

test('the version is that of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(buildVersion).toBe(`${version}+dev`);
});

test.each(['0.1.0', '0.1.0+dev', '0.1.0+g1a2b3c4d5e', '12.1.0+g1a2b3c4d5e.dirty'])(
  'the build %s is found again in what Kubernetes’ clients are told',
  (build) => {
    const told = kubernetesVersionOf(build);
    expect(told).toMatch(semantic);
    expect(told).toMatch(/^v1\.33\.1\+trireme\./);
    expect(buildOf(told)).toBe(build);
  },
);

test('others have no build of ours', () => {
  expect(buildOf('v1.33.1')).toBeUndefined();
  expect(buildOf('v1.33.1+k3s1')).toBeUndefined();
  expect(buildOf(kubernetesVersion)).toBe(buildVersion);
});
