import { expect, test } from '@jest/globals';
import { parseNetproxyOptions, parseWorkerOptions } from '../options.js';

const flags = [
  '--node-name=n1',
  '--data-dir=/data',
  '--node-ip=10.0.0.1',
  '--runtime=containerd',
  '--containerd-managed',
  '--netproxy-mode=userspace',
  '--ingress-http-port=8080',
  '--netproxy-healthz-bind-address=127.0.0.1:0',
  '--dns-port=10053',
  '--join=a:1',
  '--token-file=/gone',
  '--ca-hash=sha256:0',
  '--max-pods=5',
];

test("one line of flags starts both processes of a node: each passes over the other's", () => {
  const netproxy = parseNetproxyOptions(flags);
  expect(netproxy).toEqual({
    nodeName: 'n1',
    dataDir: '/data',
    nodeIp: '10.0.0.1',
    logLevel: 'info',
    netproxyMode: 'userspace',
    netproxyMetrics: { host: '127.0.0.1', port: 10_249 },
    netproxyHealthz: undefined,
    ingressHttpPort: 8080,
    ingressHttpsPort: undefined,
    ingressTrustedProxies: [],
    dnsPort: 10_053,
  });
  const token = ['--token=abcdef.0123456789abcdef'];
  const own = flags.filter((flag) => !flag.startsWith('--token-file'));
  expect(parseWorkerOptions([...own, ...token])).toMatchObject({
    ...netproxy,
    proxyInProcess: false,
    podsMax: 5,
  });
});

test('where the agent runs the proxy, there is no other', () => {
  expect(parseWorkerOptions(['--proxy-in-process'])?.proxyInProcess).toBe(true);
  expect(() => parseNetproxyOptions([...flags, '--proxy-in-process'])).toThrow(
    'the agent of this node runs the proxy itself',
  );
});

test('what neither takes is refused', () => {
  expect(() => parseNetproxyOptions(['--agent-prot=1'])).toThrow("unknown option '--agent-prot=1'");
  expect(() => parseNetproxyOptions(['--netproxy-mode=ipvs'])).toThrow(
    '--netproxy-mode takes iptables, nftables, userspace, none, not "ipvs"',
  );
});
