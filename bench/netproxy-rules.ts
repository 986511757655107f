/**
 * Rules for 5,000 services with 10 endpoints each: the time to build all and to plan one change, and with `apply` as
 * argument (root, in a network namespace of its own) the time that the kernel's part takes.
 *
 *   unshare -n node dist/bench/netproxy-rules.js apply
 */
import { spawnSync } from 'node:child_process';
import { IptablesServiceRules } from '../src/netproxy/iptables/service-rule-set.js';
import { buildServicePorts } from '../src/netproxy/model/service-model.js';
import type { Service } from '../src/api/types/core.js';
import type { EndpointSlice } from '../src/api/types/networking.js';

const services = Number(process.env['SERVICES'] ?? 5000);
const endpoints = Number(process.env['ENDPOINTS'] ?? 10);
const config = {
  nodeIp: '192.168.0.1',
  clusterCidr: '10.244.0.0/14',
  nodePortAddresses: [],
};

function service(index: number): Service {
  const clusterIP = `10.96.${index >> 8}.${index & 255}`;
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
  return { metadata: { namespace: 'bench', name: `s${index}` }, spec: { clusterIP, ports } };
}

function slice(index: number, first: number): EndpointSlice {
  return {
    metadata: { namespace: 'bench', name: `s${index}-x` },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: endpoints }, (_, offset) => ({
      addresses: [
        `10.${244 + (offset & 1)}.${index >> 7}.${((index & 127) + offset + first) % 254}`,
      ],
      conditions: { ready: true },
    })),
  };
}

const rules = new IptablesServiceRules(config);

function put(index: number, first: number): void {
  for (const port of buildServicePorts(service(index), [slice(index, first)], 'n1')) {
    rules.setPort(port.key, port);
  }
}

function timed(what: string, work: () => string): void {
  const startMs = performance.now();
  const plan = work();
  const planMs = performance.now() - startMs;
  let kernelMs = 0;
  if (process.argv[2] === 'apply') {
    const result = spawnSync('iptables-restore', ['--noflush'], { input: plan });
    if (result.status !== 0) throw new Error(result.stderr.toString());
    kernelMs = performance.now() - startMs - planMs;
  }
  rules.commit();
  const lines = plan.split('\n').length;
  console.log(
    `${what}: plan ${planMs.toFixed(1)} ms, ${lines} lines, kernel ${kernelMs.toFixed(0)} ms`,
  );
}

timed(`all of ${services} services`, () => {
  for (let index = 0; index < services; index++) put(index, 0);
  return rules.plan();
});
for (let turn = 1; turn <= 3; turn++) {
  timed('one service changes its endpoints', () => {
    put(17, turn);
    return rules.plan();
  });
}
