/**
 * Where our answers to mutated samples are not those of Kubernetes 1.20.2, each kind with its reason. The contract is
 * 1.33: what it changed since is listed as such.
 */

/** A kind of difference: `at` matches `VERB SAMPLE FIELD MUTATION`. */
export interface KnownDifference {
  readonly at: RegExp;
  /** Matches the recorded answer; every one unless given. */
  readonly theirs?: RegExp;
  readonly why: string;
}

/** All kinds, the first that matches counts. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    at: /^(create|update) pod-/,
    theirs: /^(500|403)$/,
    why: 'a plugin of admission answers (ServiceAccount, Priority); the replay has none',
  },
  {
    at: /^update pod-sample spec\.preemptionPolicy/,
    why: 'admission (Priority) puts the field back in an update; the replay has none',
  },
  {
    at: /Selector\.matchExpressions\[\d\]\.values\[\d\] |selector\.matchExpressions\[\d\]\.values\[\d\] /,
    why: '1.27 and newer check the values of selectors too',
  },
  {
    at: /od(Anti)?Affinity.*labelSelector/,
    why: '1.24 and newer name the field labelSelector in errors; 1.20 calls it matchExpressions',
  },
  {
    at: /topologySpreadConstraints\[0\]\.labelSelector/,
    why: '1.27 and newer check the selectors of topology spread',
  },
  {
    at: /spec\.hostAliases/,
    why: 'newer versions put the index into the path',
  },
  {
    at: /dnsConfig\.searches\[0\] long/,
    why: '1.20 bounds the search list by 256 characters, 1.28 by 2048',
  },
  {
    at: /env(From)?\[\d\]\.(name|prefix) (bad|slash)/,
    why: '1.32 and newer take any printable ASCII but =',
  },
  { at: /sysctls\[0\]\.name slash/, why: '1.24 and newer take slashes as separators of a sysctl' },
  {
    at: /pod-sample spec\.hostNetwork other/,
    why: "1.20 does not look at sysctls of the node's network",
  },
  {
    at: /ports\[0\]\.hostIP/,
    why: 'an address that is none would make a rule that no packet meets',
  },
  {
    at: /securityContext\.procMount/,
    why: 'the gate ProcMountType is off in 1.20, which drops the field',
  },
  {
    at: /^(create|update) pod-sample spec\.containers\[0\]\.name/,
    theirs: /metadata\.annotations/,
    why: '1.20 mirrors seccomp profiles in annotations, which name the container',
  },
  {
    at: /pod-sample spec\.volumes\[\d+\]/,
    theirs: /NotFound/,
    why: 'a mount of a volume that is refused is not reported as missing once more',
  },
  {
    at: /pod-sample spec\.volumes\[(10|11|14|18|23|24|25)\]/,
    why: 'sources of removed volume plugins are stored, never mounted; their inner fields are not checked',
  },
  {
    at: /pod-sample spec\.volumes\[5\]\.downwardAPI\.items\[1\]\.resourceFieldRef empty/,
    why: '1.20 stops at the missing container',
  },
  {
    at: /update pod-sample spec\.serviceAccountName/,
    why: 'admission (ServiceAccount) answers about the token volume; the replay has none',
  },
  {
    at: /^update service-(sample|headless)/,
    theirs: /clusterIPs/,
    why: '1.20 wants the allocated addresses back; 1.21 and newer keep what an update leaves out',
  },
  {
    at: /service-sample spec\.(type|externalTrafficPolicy|healthCheckNodePort)/,
    why: '1.26 and newer check health check ports and traffic policies by the type',
  },
  {
    at: /service-sample spec\.ports\[\d\]\.protocol/,
    why: '1.26 and newer allow mixed protocols behind a load balancer',
  },
  { at: /loadBalancerSourceRanges\[0\]/, why: 'newer versions put the index into the path' },
  {
    at: /^update node-sample spec\.podCIDRs twice/,
    why: 'a second range of one family is refused here already, by 1.20 only later',
  },
  {
    at: /persistentvolume-csi spec\.csi\.\w+SecretRef/,
    why: '1.24 and newer name the reference in the path',
  },
  {
    at: /persistentvolumeclaim-sample spec\.(volumeMode|dataSource)/,
    why: '1.24 and newer check data sources of every group, and the whole spec for immutability at once',
  },
  {
    at: /statefulset-sample spec(\.template| |\.revisionHistoryLimit|\.volumeClaimTemplates)/,
    why: '1.20 leaves the template of StatefulSets unchecked; revisionHistoryLimit may change since 1.33',
  },
  {
    at: /daemonset-sample spec(\.selector)? (del|null|empty)/,
    why: 'a missing selector is named beside the template that it does not match',
  },
  {
    at: /job-sample spec\.ttlSecondsAfterFinished negative/,
    why: '1.20 has the gate TTLAfterFinished off',
  },
  {
    at: /^update job-sample/,
    theirs: /Required@spec\.selector|Invalid@spec\.template\.metadata\.labels/,
    why: 'an update without the made selector is refused either way: as a change here, as missing there too',
  },
  {
    at: /^update priorityclass-sample preemptionPolicy/,
    why: 'a change that is no policy is both: changed and unknown',
  },
  {
    at: /runtimeclass-sample scheduling\.tolerations\[0\]/,
    why: 'newer versions do not say tolerations twice in the path',
  },
  {
    at: /^update csidriver-/,
    why: '1.29 and newer name the field that may not change, and let podInfoOnMount change',
  },
  {
    at: /^update volumeattachment-sample/,
    why: 'names are checked in updates too; these are refused anyhow, since the spec may not change',
  },
  {
    at: /customresourcedefinition\S+ \S+\.(default|minimum|maximum|multipleOf) /,
    why: 'defaults in the schemas of definitions are not held against these yet',
  },
  {
    at: /customresourcedefinition\S+ \S+\.type (bad|long|dash|slash)/,
    why: 'a type that is none is named once; 1.20 says so of format, lists and embedded objects too',
  },
  {
    at: /customresourcedefinition\S+ \S+\.enum\[\d\] null/,
    why: '1.20 takes two copies of a schema with null in an enumeration for different ones',
  },
  {
    at: /customresourcedefinition\S+ \S+embedded\.x-kubernetes-preserve-unknown-fields other/,
    why: 'properties that are missing are not named beside a false that may not be there',
  },
  {
    at: /customresourcedefinition\S+ spec\.versions\[0\]\.subresources\.status list/,
    why: 'the status subresource has no fields, and what stands there is kept',
  },
  {
    at: /^update customresourcedefinition\S+ spec( |\.group|\.names)/,
    why: 'the name is compared with group and plural in updates too, which may not change either',
  },
];
