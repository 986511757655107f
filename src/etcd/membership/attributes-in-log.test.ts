import { expect, test } from '@jest/globals';
import { MemberAttributes } from '../../gen/etcd/internal.js';
import type { Entry, EntryType } from '../../raft/index.js';
import { encodeEntry } from '../apply/entry.js';
import type { EntryKind } from '../apply/entry.js';
import { clientUrlsInLog } from './attributes-in-log.js';

function entry(index: number, data: Uint8Array, type: EntryType = 'normal'): Entry {
  return { term: 2, index, type, data };
}

function encoded(kind: EntryKind, payload: Uint8Array): Buffer {
  return encodeEntry({ kind, origin: 1, sequence: 1, auth: undefined }, payload);
}

function published(memberId: bigint, ...clientUrls: string[]): Buffer {
  const attributes = { memberId, name: `m${memberId}`, clientUrls };
  return encoded('memberAttributes', MemberAttributes.encode(attributes).finish());
}

test('the addresses that members have told are found among entries of every kind, the last ones of each', () => {
  const ofNewerBuild = Uint8Array.of(255, 0, 0, 0);
  const entries = [
    entry(4, new Uint8Array(0)),
    entry(5, published(1n, 'http://old')),
    entry(6, encoded('put', Uint8Array.of(1, 2, 3))),
    entry(7, published(2n, 'http://a', 'http://b')),
    entry(8, published(1n, 'http://new')),
    entry(9, ofNewerBuild),
    entry(10, published(3n, 'http://none'), 'confChangeV2'),
  ];
  expect(clientUrlsInLog(entries)).toEqual(
    new Map([
      [1n, ['http://new']],
      [2n, ['http://a', 'http://b']],
    ]),
  );
});
