import { expect, test } from '@jest/globals';
import { ManualClock } from '../lib/clock.js';
import { silentLogger } from '../lib/log.js';
import type { CommandResult } from './command.js';
import { removeLeftovers } from './leftovers.js';
import { until } from './testkit/watched-services.js';
import type { ProxyMode } from './types.js';

const saved = `*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:OTHERS - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
COMMIT
`;
const loopback = JSON.stringify([
  {
    addr_info: [
      { local: '127.0.0.1', prefixlen: 8 },
      { local: '10.96.0.10', prefixlen: 32 },
      { local: '10.96.5.5', prefixlen: 32 },
      { local: '203.0.113.7', prefixlen: 32 },
    ],
  },
]);

/** Runs it on a machine that has the traces of all modes. @returns what was written */
async function removed(
  mode: ProxyMode,
  { fails = 0, rules = saved, map = 'tcp-endpoints' } = {},
): Promise<string[]> {
  const clock = new ManualClock();
  const written: string[] = [];
  let left = fails;
  const answer = (stdout: string, code = 0): Promise<CommandResult> =>
    Promise.resolve({ code, stdout, stderr: '' });
  const state = { isOver: false };
  const work = removeLeftovers({
    mode,
    serviceCidr: '10.96.0.0/16',
    ownIps: ['10.96.0.10'],
    clock,
    log: silentLogger,
    signal: new AbortController().signal,
    sysctls: async (values) => {
      for (const [name, value] of Object.entries(values)) written.push(`${name}=${value}`);
    },
    run: (program, args, options) => {
      const words = [program, ...args].join(' ');
      if (words === 'iptables-save') return answer(rules);
      if (words.startsWith('ip -j')) return answer(loopback);
      if (words === 'nft -j -t list maps ip') {
        return answer(JSON.stringify({ nftables: [{ map: { table: 'kube-proxy', name: map } }] }));
      }
      if (left > 0) {
        left--;
        return answer('', 1);
      }
      written.push(`${words}\n${options?.stdin ?? ''}`.trim());
      return answer('');
    },
  }).finally(() => (state.isOver = true));
  await until(() => {
    clock.advance(1000);
    return state.isOver;
  });
  await work;
  return written;
}

const table = 'nft -f -\nadd table ip kube-proxy\ndelete table ip kube-proxy';
const chains = `iptables-restore --noflush
*nat
:KUBE-SERVICES - [0:0]
-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-X KUBE-SERVICES
COMMIT`;
const closed = 'net/ipv4/conf/all/route_localnet=0';
const addresses = 'ip addr del 10.96.5.5/32 dev lo';

test('each mode removes what the others left, and nothing of its own or of strangers', async () => {
  expect(await removed('iptables')).toEqual([table, addresses]);
  // What was open for node ports on loopback is closed with the rule that guarded it.
  expect(await removed('nftables')).toEqual([chains, closed, addresses]);
  expect(await removed('userspace')).toEqual([table, chains, closed]);
});

test('what a kube-proxy keeps under the same names is not ours', async () => {
  const rules = saved.replace(':OTHERS', ':KUBE-PROXY-CANARY');
  expect(await removed('userspace', { rules, map: 'service-ips' })).toEqual([]);
});

test('what fails is tried again, and holds up nothing else for ever', async () => {
  expect(await removed('iptables', { fails: 3 })).toEqual([table, addresses]);
  expect(await removed('iptables', { fails: 5 })).toEqual([addresses]);
});
