import { describe, expect, test } from '@jest/globals';
import { Lines, chainsPerSection, cutIntoSections, lastTargetFirst } from './sections.js';
import { IptablesServiceRules } from './service-rule-set.js';
import { buildServicePorts } from '../model/service-model.js';
import { serviceOf, sliceOf } from '../testkit/service-cluster.js';

/** As iptables-restore reads: a jump to a chain that is not there fails, and `-X` of one that is led to. */
class Kernel {
  readonly chains = new Map<string, string[]>();
  named = 0;

  restore(plan: string): void {
    for (const section of plan.split('COMMIT\n').filter((text) => text.startsWith('*nat'))) {
      const named = new Set<string>();
      for (const line of section.split('\n').slice(1, -1)) named.add(this.#line(line));
      this.named = Math.max(this.named, named.size);
    }
  }

  #line(line: string): string {
    if (line.startsWith(':')) {
      const name = line.slice(1, line.indexOf(' '));
      this.chains.set(name, []);
      return name;
    }
    const [verb = '', name = ''] = line.split(' ');
    const rule = line.slice(verb.length + name.length + 2);
    const rules = this.chains.get(name) ?? [];
    if (verb === '-X') {
      expect([name, this.#isLedTo(name)]).toEqual([name, false]);
      this.chains.delete(name);
    } else if (verb === '-D') rules.splice(rules.indexOf(rule), 1);
    else {
      const target = targetOf(rule);
      if (target !== undefined) expect([target, this.chains.has(target)]).toEqual([target, true]);
      this.chains.set(name, [...rules, rule]);
    }
    return name;
  }

  #isLedTo(name: string): boolean {
    return [...this.chains.values()].some((rules) => rules.some((rule) => targetOf(rule) === name));
  }
}

function targetOf(rule: string): string | undefined {
  return /-j (KUBE-\S+)$/.exec(rule)?.[1];
}

const config = { nodeIp: '192.168.0.1', clusterCidr: '10.244.0.0/16', nodePortAddresses: [] };

function put(rules: IptablesServiceRules, index: number, endpoints: number, first = 1): void {
  const key = `default/s${index}`;
  const ports = [{ port: 80, protocol: 'TCP' as const }];
  const service = serviceOf(key, { clusterIP: `10.96.${index >> 8}.${index & 255}`, ports });
  const at = Array.from({ length: endpoints }, (_, n) => `10.244.${index}.${n + first} n1`);
  for (const port of buildServicePorts(service, [sliceOf(key, { ports, at })], 'n1')) {
    rules.setPort(key, port);
  }
}

/** Commits the plan, which a kernel takes. */
function apply(kernel: Kernel, rules: IptablesServiceRules): string {
  const plan = rules.plan();
  kernel.restore(plan);
  rules.commit();
  return plan;
}

describe('plans of many chains', () => {
  test('name no more chains in a transaction than its limit and one owner, whatever changes', () => {
    const [rules, kernel] = [new IptablesServiceRules(config), new Kernel()];
    for (let index = 0; index < 120; index++) put(rules, index, 10);
    apply(kernel, rules);
    expect(kernel.chains.size).toBeGreaterThan(120 * 11);
    // Jumps to chains of others count as named: to the endpoints' chains of the section, and KUBE-MARK-MASQ.
    expect(kernel.named).toBeLessThanOrEqual(chainsPerSection + 20);
    for (let index = 0; index < 120; index++) put(rules, index, 10, 5);
    apply(kernel, rules);
    expect(kernel.chains.size).toBeGreaterThan(120 * 11);
    for (let index = 0; index < 110; index++) rules.setPort(`default/s${index}`, undefined);
    apply(kernel, rules);
    expect([...kernel.chains.keys()].filter((name) => /-(?:SVC|SEP)-/.test(name))).toHaveLength(
      110,
    );
    expect(kernel.named).toBeLessThanOrEqual(chainsPerSection + 20);
    kernel.restore(rules.planRemoval());
    expect([...kernel.chains.keys()].filter((name) => name.startsWith('KUBE-'))).toEqual([]);
  });

  test('keep a small one whole', () => {
    const lines = new Lines();
    lines.written.push({ owner: 'a', name: 'A', rules: ['-j B'] });
    lines.removed.push('C');
    lines.added.push('-I D -j A');
    expect(cutIntoSections('nat', lines)).toEqual([
      '*nat\n:A - [0:0]\n:C - [0:0]\n-A A -j B\n-I D -j A\n-X C\nCOMMIT\n',
    ]);
    expect(cutIntoSections('nat', new Lines())).toEqual([]);
  });

  test('have rules of shared chains by their targets', () => {
    const rules = ['-d 1 -j KUBE-A', '-d 2 -j KUBE-C', '-d 3 -j KUBE-B'];
    expect(lastTargetFirst(rules)).toEqual([rules[1], rules[2], rules[0]]);
  });
});

describe('comments', () => {
  test('are left out of the chains of services above 1000 endpoints, and come back at half of that', () => {
    const rules = new IptablesServiceRules(config);
    const kernel = new Kernel();
    const perEndpoint = / "?default\/s0(?: -> |" -j KUBE-MARK)/;
    for (let index = 0; index < 100; index++) put(rules, index, 10);
    expect(apply(kernel, rules)).toMatch(perEndpoint);
    put(rules, 100, 1);
    const crossed = apply(kernel, rules);
    expect(crossed.match(/^:KUBE-SEP-/gm)).toHaveLength(1001);
    expect(crossed).not.toMatch(perEndpoint);
    for (let index = 50; index < 101; index++) put(rules, index, 0);
    expect(apply(kernel, rules)).toMatch(perEndpoint);
  });
});
