import { describe, expect, test } from '@jest/globals';
import { parseMasterOptions } from './options.js';

const base = ['--name=m1', '--data-dir=/data', '--address=10.0.0.1'];

describe('the flags of a master', () => {
  test('have defaults', () => {
    expect(parseMasterOptions(base)).toEqual({
      name: 'm1',
      dataDir: '/data',
      address: '10.0.0.1',
      dashboard: true,
      extraHosts: [],
      join: undefined,
      settings: {
        clusterCidr: '10.244.0.0/16',
        serviceCidr: '10.96.0.0/16',
        clusterDomain: 'cluster.local',
        nodeCidrMaskSize: 24,
      },
      ports: {
        rest: 6443,
        grpc: 6444,
        etcdClient: 2379,
        etcdPeer: 2380,
        scheduler: 10_259,
        controllerManager: 10_257,
      },
      passed: { etcd: [], apiserver: [], scheduler: [], controllerManager: [] },
    });
  });

  test('go on to the components, again and again', () => {
    const options = parseMasterOptions([
      ...base,
      '--etcd-arg=--a=1',
      '--etcd-arg=--b',
      '--apiserver-arg=--c',
      '--scheduler-arg=--d',
      '--controller-manager-arg=--e',
      '--extra-host=x',
      '--extra-host=y',
    ]);
    expect(options?.passed).toEqual({
      etcd: ['--a=1', '--b'],
      apiserver: ['--c'],
      scheduler: ['--d'],
      controllerManager: ['--e'],
    });
    expect(options?.extraHosts).toEqual(['x', 'y']);
  });

  test('name the masters to join, the token and the authority', () => {
    const join = ['--join=10.0.0.2:6444,10.0.0.3:6444', '--token=t', '--ca-hash=sha256:00'];
    expect(parseMasterOptions([...base, ...join])?.join).toEqual({
      servers: ['10.0.0.2:6444', '10.0.0.3:6444'],
      token: 't',
      caHash: 'sha256:00',
    });
  });

  test.each([
    [['--rest-port=0'], '--rest-port takes a whole number from 1 to 65535, not "0"'],
    [['--grpc-port=70000'], '--grpc-port takes a whole number from 1 to 65535, not "70000"'],
    [['--etcd-peer-port=x'], '--etcd-peer-port takes a whole number from 1 to 65535, not "x"'],
    [['--node-cidr-mask-size=31'], '--node-cidr-mask-size takes a whole number from 8 to 30'],
    [['--cluster-cidr=10.0.0.0'], '10.0.0.0'],
    [['--service-cluster-ip-range=fe80::/64'], 'fe80::/64'],
    [['--join=a:1', '--token=t'], '--join needs --token or --token-file, and --ca-hash'],
    [['--join=a:1', '--ca-hash=h'], '--join needs --token or --token-file, and --ca-hash'],
    [['start'], 'too many arguments. Expected 0 arguments but got 1.'],
    [['--no-such-flag'], "unknown option '--no-such-flag'"],
  ])('%j are wrong', (words, message) => {
    const parse = (): unknown => parseMasterOptions([...base, ...words]);
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});
