import { describe, expect, test } from '@jest/globals';
import { parseWorkerOptions } from './options.js';

describe('the container runtime', () => {
  test('over CRI has the usual socket, and its networks the usual directory', () => {
    expect(parseWorkerOptions(['--runtime=cri'])).toMatchObject({
      runtime: 'cri',
      criEndpoint: 'unix:///run/containerd/containerd.sock',
      cniConfDir: '/etc/cni/net.d',
    });
  });

  test.each([
    ['unix:///run/crio/crio.sock', 'unix:///run/crio/crio.sock'],
    ['/run/crio/crio.sock', 'unix:///run/crio/crio.sock'],
  ])('may be at another: %s', (given, expected) => {
    const options = parseWorkerOptions([`--cri-endpoint=${given}`, '--cni-conf-dir=none']);
    expect(options?.criEndpoint).toBe(expected);
    expect(options?.cniConfDir).toBeUndefined();
  });

  test.each(['tcp://127.0.0.1:1', 'unix:', 'run/x.sock', ''])(
    'is on this machine: "%s"',
    (given) => {
      expect(() => parseWorkerOptions([`--cri-endpoint=${given}`])).toThrow(
        `--cri-endpoint: "${given}" is not a socket of this machine (unix:///path)`,
      );
    },
  );

  test('has a name that is known', () => {
    expect(() => parseWorkerOptions(['--runtime=docker'])).toThrow('cri');
  });
});
