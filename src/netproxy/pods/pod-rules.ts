import type { ChainId, Rule } from '../iptables/rule.js';
import { comment } from '../iptables/rule.js';
import { RuleSet } from '../iptables/rule-set.js';

const forward = comment('trireme pod traffic');
const masquerade = comment('trireme pods to the outside');

/** Pods may be forwarded to and from; what leaves the cluster carries the node's address. */
export function podNetworkRules(options: {
  readonly podCidr: string;
  readonly clusterCidr: string;
}): RuleSet {
  const { podCidr, clusterCidr } = options;
  const base = new Map<ChainId, readonly Rule[]>([
    [
      'nat/TRIREME-POSTROUTING',
      [
        `-s ${podCidr} -d ${clusterCidr} ${masquerade} -j RETURN`,
        `-s ${podCidr} ! -d 224.0.0.0/4 ${masquerade} -j MASQUERADE --random-fully`,
      ],
    ],
    [
      'filter/TRIREME-FORWARD',
      [`-s ${clusterCidr} ${forward} -j ACCEPT`, `-d ${clusterCidr} ${forward} -j ACCEPT`],
    ],
  ]);
  return new RuleSet({
    base,
    shared: new Map(),
    hooks: [
      { chain: 'nat/POSTROUTING', rule: `${masquerade} -j TRIREME-POSTROUTING` },
      { chain: 'filter/FORWARD', rule: `${forward} -j TRIREME-FORWARD`, last: true },
    ],
    owns: () => false,
  });
}
