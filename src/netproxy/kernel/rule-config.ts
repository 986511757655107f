/** The settings that shape the rules of all services. */
export interface RuleConfig {
  /** The node's own address: a load balancer's source range that holds it lets the node itself in. */
  readonly nodeIp: string;
  /** Sources outside of it are masqueraded on their way to a ClusterIP; "" = unknown, nobody is. */
  readonly clusterCidr: string;
  /** Node ports answer on these blocks only. Empty: on every address of the node, or the main one (nftables). */
  readonly nodePortAddresses: readonly string[];
}
