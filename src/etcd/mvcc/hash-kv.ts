import { delay } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import { crc32c } from '../../lib/crc32c.js';
import type { Backend } from '../backend/types.js';
import { decodeKeyValue } from './key-value.js';

const sliceBounds = { maxRows: 500, maxBytes: 1024 * 1024 };

/** One stored revision. */
export interface HashedRow {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

/**
 * Etcd's HashKV: CRC-32C over the bucket's name and, in order, the revision key and the bytes of each revision above
 * the last compaction, and of those below that would survive a compaction at the revision hashed (not: at the last one;
 * tried with etcd 3.4.23 and 3.5.30), so that it does not matter how far the removal has come.
 * @returns undefined when `cancelled` said so in between.
 */
export async function hashRevisions(
  backend: Backend,
  clock: Clock,
  scope: {
    readonly toMain: number;
    readonly keeps: (key: string, row: HashedRow) => boolean;
    readonly cancelled: () => boolean;
  },
): Promise<number | undefined> {
  let hash = crc32c(Buffer.from('key'));
  const head = Buffer.alloc(18);
  head[8] = 0x5f;
  head[17] = 0x74;
  for (let from = 0; from <= scope.toMain;) {
    const last = backend.scanRevisionsBounded(
      from,
      scope.toMain,
      sliceBounds,
      (main, sub, tombstone, value) => {
        const key = decodeKeyValue(value).keyString();
        if (!scope.keeps(key, { main, sub, tombstone })) return;
        head.writeBigInt64BE(BigInt(main), 0);
        head.writeBigInt64BE(BigInt(sub), 9);
        hash = crc32c(value, crc32c(head, hash, 0, tombstone ? 18 : 17));
      },
    );
    from = last + 1;
    await delay(clock, 0);
    if (scope.cancelled()) return undefined;
  }
  return hash;
}
