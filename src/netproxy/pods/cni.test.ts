import { describe, expect, test } from '@jest/globals';
import type { CommandOptions, CommandResult } from '../command.js';
import { bridgeConf, callPlugin, portmapConf } from './cni.js';
import { podNetworkRules } from './pod-rules.js';

const target = { containerId: 'uid', netnsPath: '/run/netns/uid', ifName: 'eth0' };

/** A plugin that answers so. @returns what it was called with */
function plugin(answer: Partial<CommandResult>) {
  const calls: { program: string; args: readonly string[]; options: CommandOptions }[] = [];
  const cni = {
    binDir: '/opt/cni',
    run: (program: string, args: readonly string[], options: CommandOptions = {}) => {
      calls.push({ program, args, options });
      return Promise.resolve({ code: 0, stdout: '', stderr: '', ...answer });
    },
  };
  return { cni, calls };
}

describe('a plugin', () => {
  test('gets its command by environment and its configuration by standard input', async () => {
    const { cni, calls } = plugin({ stdout: '{"ips":[{"address":"10.244.1.5/24"}]}' });
    const result = await callPlugin(cni, 'ADD', { type: 'bridge', mtu: 1450 }, target);
    expect(result).toEqual({ ips: [{ address: '10.244.1.5/24' }] });
    expect(calls).toEqual([
      {
        program: '/opt/cni/bridge',
        args: [],
        options: {
          stdin: '{"cniVersion":"0.4.0","name":"trireme","type":"bridge","mtu":1450}',
          env: {
            CNI_COMMAND: 'ADD',
            CNI_CONTAINERID: 'uid',
            CNI_NETNS: '/run/netns/uid',
            CNI_IFNAME: 'eth0',
            CNI_PATH: '/opt/cni',
          },
        },
      },
    ]);
  });

  test('that fails says why', async () => {
    const { cni } = plugin({ code: 1, stdout: '{"code":999,"msg":"no link","details":"gone"}' });
    await expect(callPlugin(cni, 'ADD', { type: 'bridge' }, target)).rejects.toMatchObject({
      code: 'CommandFailed',
      retryable: true,
      message: 'plugin type="bridge" failed (add): no link; gone',
    });
  });

  test('that fails without JSON: what it wrote', async () => {
    const { cni } = plugin({ code: -1, stderr: 'no such file\n' });
    await expect(callPlugin(cni, 'DEL', { type: 'bridge' }, target)).rejects.toThrow(
      'plugin type="bridge" failed (del): no such file',
    );
  });

  test('that has no address left is not asked again without a change', async () => {
    const { cni } = plugin({ code: 1, stdout: '{"msg":"no IP addresses available in range set"}' });
    await expect(callPlugin(cni, 'ADD', { type: 'bridge' }, target)).rejects.toMatchObject({
      code: 'NoAddressLeft',
      retryable: false,
    });
  });

  test('whose answer is no JSON; one that has none to give', async () => {
    await expect(
      callPlugin(plugin({ stdout: 'done' }).cni, 'ADD', { type: 'bridge' }, target),
    ).rejects.toMatchObject({ code: 'BadAnswer' });
    expect(await callPlugin(plugin({}).cni, 'ADD', { type: 'bridge' }, target)).toEqual({});
    const ended = plugin({ stdout: 'done' }).cni;
    expect(await callPlugin(ended, 'DEL', { type: 'bridge' }, target)).toEqual({});
  });
});

describe('configurations', () => {
  test('of the bridge: a gateway with hairpin, addresses of the node’s range, a default route', () => {
    const options = { bridge: 'cni0', mtu: 1450, podCidr: '10.244.1.0/24', leaseDir: '/leases' };
    expect(bridgeConf(options)).toEqual({
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      mtu: 1450,
      ipam: {
        type: 'host-local',
        dataDir: '/leases',
        ranges: [[{ subnet: '10.244.1.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    });
  });

  test('of host ports: each with its protocol, and its address where it has one', () => {
    const ports = [
      { hostPort: 8080, containerPort: 80, protocol: 'TCP' as const },
      { hostPort: 53, containerPort: 1053, protocol: 'UDP' as const, hostIp: '192.168.0.1' },
      { hostPort: 54, containerPort: 1054, protocol: 'SCTP' as const, hostIp: '' },
    ];
    const bridged = { ips: [{ address: '10.244.1.5/24' }] };
    expect(portmapConf(ports, bridged)).toEqual({
      type: 'portmap',
      capabilities: { portMappings: true },
      snat: true,
      runtimeConfig: {
        portMappings: [
          { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
          { hostPort: 53, containerPort: 1053, protocol: 'udp', hostIP: '192.168.0.1' },
          { hostPort: 54, containerPort: 1054, protocol: 'sctp' },
        ],
      },
      prevResult: bridged,
    });
    expect(portmapConf([], undefined)).not.toHaveProperty('prevResult');
  });
});

test('rules of the pod network: pods are forwarded, and leave the cluster by the node’s address', () => {
  const rules = podNetworkRules({ podCidr: '10.244.1.0/24', clusterCidr: '10.244.0.0/16' });
  expect(rules.plan().split('\n')).toEqual([
    '*filter',
    ':TRIREME-FORWARD - [0:0]',
    '-A TRIREME-FORWARD -s 10.244.0.0/16 -m comment --comment "trireme pod traffic" -j ACCEPT',
    '-A TRIREME-FORWARD -d 10.244.0.0/16 -m comment --comment "trireme pod traffic" -j ACCEPT',
    '-A FORWARD -m comment --comment "trireme pod traffic" -j TRIREME-FORWARD',
    'COMMIT',
    '*nat',
    ':TRIREME-POSTROUTING - [0:0]',
    '-A TRIREME-POSTROUTING -s 10.244.1.0/24 -d 10.244.0.0/16 -m comment --comment "trireme pods to the outside" -j RETURN',
    '-A TRIREME-POSTROUTING -s 10.244.1.0/24 ! -d 224.0.0.0/4 -m comment --comment "trireme pods to the outside" -j MASQUERADE --random-fully',
    '-I POSTROUTING -m comment --comment "trireme pods to the outside" -j TRIREME-POSTROUTING',
    'COMMIT',
    '',
  ]);
});
