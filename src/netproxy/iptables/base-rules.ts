/** The chains that do not depend on any service, and the jumps to them from the kernel's own chains. Pure. */
import type { ChainId, Rule } from './rule.js';
import { comment, masqueradeMark } from './rule.js';

const mark = `${masqueradeMark}/${masqueradeMark}`;
const isNew = '-m conntrack --ctstate NEW';

/** Chains whose rules stand in this order. */
export const baseChains: ReadonlyMap<ChainId, readonly Rule[]> = new Map<ChainId, readonly Rule[]>([
  ['nat/KUBE-MARK-MASQ', [`-j MARK --set-xmark ${mark}`]],
  [
    'nat/KUBE-POSTROUTING',
    [
      `-m mark ! --mark ${mark} -j RETURN`,
      // The mark is cleared so that a packet that comes by again (VXLAN) is not masqueraded twice.
      `-j MARK --set-xmark ${masqueradeMark}/0x0`,
      `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
    ],
  ],
  [
    'filter/KUBE-FORWARD',
    [
      '-m conntrack --ctstate INVALID -j DROP',
      `${comment('kubernetes forwarding rules')} -m mark --mark ${mark} -j ACCEPT`,
      `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    ],
  ],
  [
    'filter/KUBE-FIREWALL',
    [
      // route_localnet lets node ports answer on 127.0.0.1; nobody else may reach what listens there.
      `! -s 127.0.0.0/8 -d 127.0.0.0/8 ${comment('block incoming localnet connections')} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
    ],
  ],
]);

/** Chains that services fill; order does not matter but for the rules given here, which come last. */
export const sharedChains: ReadonlyMap<ChainId, readonly Rule[]> = new Map<
  ChainId,
  readonly Rule[]
>([
  [
    'nat/KUBE-SERVICES',
    [
      `${comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
    ],
  ],
  ['nat/KUBE-NODEPORTS', []],
  ['filter/KUBE-SERVICES', []],
  ['filter/KUBE-EXTERNAL-SERVICES', []],
  ['filter/KUBE-NODEPORTS', []],
  ['filter/KUBE-PROXY-FIREWALL', []],
]);

/** A rule of ours in a chain of the kernel's. */
export interface Hook {
  readonly chain: ChainId;
  readonly rule: Rule;
  /** Added behind whatever stands in the chain, instead of in front. */
  readonly last?: boolean;
}

const portals = comment('kubernetes service portals');
const external = comment('kubernetes externally-visible service portals');
const firewall = comment('kubernetes load balancer firewall');

/** In the order in which they stand in their chains. */
export const hooks: readonly Hook[] = [
  { chain: 'nat/PREROUTING', rule: `${portals} -j KUBE-SERVICES` },
  { chain: 'nat/OUTPUT', rule: `${portals} -j KUBE-SERVICES` },
  {
    chain: 'nat/POSTROUTING',
    rule: `${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`,
  },
  {
    chain: 'filter/INPUT',
    rule: `${isNew} ${firewall} -j KUBE-PROXY-FIREWALL`,
  },
  {
    chain: 'filter/INPUT',
    rule: `${comment('kubernetes health check service ports')} -j KUBE-NODEPORTS`,
  },
  { chain: 'filter/INPUT', rule: `${isNew} ${external} -j KUBE-EXTERNAL-SERVICES` },
  { chain: 'filter/INPUT', rule: '-j KUBE-FIREWALL' },
  { chain: 'filter/FORWARD', rule: `${isNew} ${firewall} -j KUBE-PROXY-FIREWALL` },
  {
    chain: 'filter/FORWARD',
    rule: `${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`,
  },
  { chain: 'filter/FORWARD', rule: `${isNew} ${portals} -j KUBE-SERVICES` },
  { chain: 'filter/FORWARD', rule: `${isNew} ${external} -j KUBE-EXTERNAL-SERVICES` },
  { chain: 'filter/OUTPUT', rule: `${isNew} ${firewall} -j KUBE-PROXY-FIREWALL` },
  { chain: 'filter/OUTPUT', rule: `${isNew} ${portals} -j KUBE-SERVICES` },
];

/** Chains that services own. */
export const ownedByServices = /^KUBE-(?:SVC|SVL|EXT|FW|SEP)-[A-Z2-7]{16}$/;
