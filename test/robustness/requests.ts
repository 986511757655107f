/** Requests with etcd's defaults. */

/** For one key or a range. */
export function rangeOf(key: string, options: { rangeEnd?: string; serializable?: boolean } = {}) {
  return {
    key: Buffer.from(key),
    rangeEnd: Buffer.from(options.rangeEnd ?? ''),
    limit: 0,
    revision: 0,
    sortOrder: 0 as const,
    sortTarget: 0 as const,
    serializable: options.serializable ?? false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}

export function putOf(key: string, value: string) {
  return {
    key: Buffer.from(key),
    value: Buffer.from(value),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  };
}
