/** Limits the cost of one pod's volumes to the node. */
export const volumeLimits = {
  /**
   * Bytes of the files of one ConfigMap, Secret, downward or projected volume; they stay in memory. One object has at
   * most 1 MiB, so that only a projected volume of many sources comes near.
   */
  payloadBytesMax: 64 * 1024 * 1024,
  /** Files of such a volume. A Secret of 1 MiB cannot hold as many keys. */
  payloadFilesMax: 65_536,
  /** Of one file's path, and of one name on it. @see kubelet atomic_writer.go maxPathLength, maxFileNameLength */
  pathBytesMax: 4096,
  nameBytesMax: 255,
  /** For `mount` and `umount`, which hardly ever wait. */
  mountTimeoutMs: 20_000,
} as const;
