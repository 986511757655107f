/**
 * Limits the streams of a node. Each exec, attach and forwarded connection has one or two small processes beside the
 * agent.
 */
export const sessionLimits = {
  /** In all. Two processes of about 10 MB each for every one of them still leave a small node alive. */
  countMax: 512,
  /** Of one pod, so that no pod's users shut the others' out. A browser behind a port-forward has some dozens. */
  perPodMax: 128,
  /** A connection to a pod's address comes about in this time, or not at all. */
  dialMs: 10_000,
  /**
   * A caller may go on for so long after a pod has closed its side of a connection. containerd allows the same: to most
   * pods it was the end.
   */
  afterPodClosedMs: 1000,
  /** A caller has so long to say what it wants. */
  startMs: 30_000,
  /**
   * kubelet's `streamingConnectionIdleTimeout`: exec, attach and port-forward end when nothing has moved for so long.
   */
  idleMs: 4 * 60 * 60 * 1000,
} as const;
