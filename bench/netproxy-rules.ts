/**
 * Rules for 5,000 and 10,000 services with 10 endpoints each, by iptables and by nftables: the first load, and one
 * change among them, planned and, with `apply` as argument (root, in a network namespace of its own), applied.
 *
 *   unshare -n node dist/bench/netproxy-rules.js apply
 *
 * SERVICES and MODES choose ("10000", "nftables").
 */
import { spawnSync } from 'node:child_process';
import { iptablesKernel } from '../src/netproxy/iptables/kernel.js';
import { IptablesServiceRules } from '../src/netproxy/iptables/service-rule-set.js';
import type { Kernel } from '../src/netproxy/kernel/rule-applier.js';
import type { ServiceRules } from '../src/netproxy/kernel/service-proxier.js';
import { buildServicePorts } from '../src/netproxy/model/service-model.js';
import { createRunner } from '../src/netproxy/command.js';
import { nftablesKernel } from '../src/netproxy/nftables/kernel.js';
import { ServiceTable } from '../src/netproxy/nftables/service-table.js';
import { systemClock } from '../src/lib/clock.js';
import type { Service } from '../src/api/types/core.js';
import type { EndpointSlice } from '../src/api/types/networking.js';

const sizes = (process.env['SERVICES'] ?? '5000,10000').split(',').map(Number);
const modes = (process.env['MODES'] ?? 'nftables,iptables').split(',');
const endpoints = 10;
const isApplied = process.argv[2] === 'apply';
const run = createRunner(systemClock());
const config = {
  nodeIp: '192.168.0.1',
  clusterCidr: '10.128.0.0/9',
  serviceCidr: '10.96.0.0/16',
  nodePortAddresses: [],
  excludedIps: [],
};

function service(index: number): Service {
  const clusterIP = `10.96.${index >> 8}.${index & 255}`;
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
  return { metadata: { namespace: 'bench', name: `s${index}` }, spec: { clusterIP, ports } };
}

/** One endpoint in a hundred is on this node. */
function slice(index: number, first: number, count: number): EndpointSlice {
  return {
    metadata: { namespace: 'bench', name: `s${index}-x` },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: count }, (_, offset) => {
      const at = index * endpoints + offset + first;
      return {
        addresses: [`10.${128 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`],
        conditions: { ready: true },
        nodeName: `n${at % 100}`,
      };
    }),
  };
}

interface Mode {
  readonly rules: ServiceRules;
  readonly kernel: Kernel;
}

function modeOf(name: string): Mode {
  if (name === 'iptables') {
    return { rules: new IptablesServiceRules(config), kernel: iptablesKernel(run) };
  }
  const rules = new ServiceTable(config);
  return { rules, kernel: nftablesKernel(run, () => rules.needsNames) };
}

function put({ rules }: Mode, index: number, first: number, count = endpoints): void {
  for (const port of buildServicePorts(service(index), [slice(index, first, count)], 'n1')) {
    rules.setPort(`${port.key}/${port.protocol}`, port);
  }
}

/** @returns milliseconds of planning, and of both */
async function measure(
  { rules, kernel }: Mode,
  work: () => void,
): Promise<{ planMs: number; ms: number; lines: number }> {
  const startMs = performance.now();
  work();
  const plan = rules.plan();
  const planMs = performance.now() - startMs;
  if (isApplied && plan !== '') await kernel.write(plan);
  const ms = performance.now() - startMs;
  rules.commit();
  return { planMs, ms, lines: plan.split('\n').length };
}

async function changes(name: string, mode: Mode, change: (turn: number) => void): Promise<void> {
  const found: { planMs: number; ms: number; lines: number }[] = [];
  for (let turn = 1; turn <= 11; turn++) found.push(await measure(mode, () => change(turn)));
  found.sort((a, b) => a.ms - b.ms);
  const [best, median, worst] = [found[0], found[5], found[10]].map((one) => one?.ms.toFixed(1));
  const { planMs = 0, lines = 0 } = found[5] ?? {};
  console.log(
    `  ${name}: median ${median} ms (${best} to ${worst}), of it planned ${planMs.toFixed(1)} ms, ${lines} lines`,
  );
}

for (const count of sizes) {
  for (const name of modes) {
    const mode = modeOf(name);
    const whole = await measure(mode, () => {
      for (let index = 0; index < count; index++) put(mode, index, 0);
    });
    const { planMs, ms, lines } = whole;
    console.log(
      `${name}, ${count} services: first load ${(ms / 1000).toFixed(2)} s, of it planned ` +
        `${planMs.toFixed(0)} ms, ${lines} lines`,
    );
    await changes('other endpoints', mode, (turn) => put(mode, 17, turn * 20_000));
    await changes('one endpoint less or more', mode, (turn) => put(mode, 17, 0, 9 + (turn & 1)));
    if (isApplied && name === 'nftables') {
      mode.rules.observe('');
      const look = await measure(mode, () => undefined);
      console.log(`  a look: ${look.ms.toFixed(1)} ms, ${look.lines} lines`);
    }
    if (!isApplied) continue;
    spawnSync('nft', ['flush', 'ruleset']);
  }
}
