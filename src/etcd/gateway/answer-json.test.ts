import { expect, test } from '@jest/globals';
import {
  AlarmResponse,
  AuthRoleGetResponse,
  HashKVResponse,
  RangeResponse,
  TxnResponse,
  WatchResponse,
} from '../../gen/etcd/rpc.js';
import { answerJson } from './answer-json.js';

const header = { clusterId: 2n ** 64n - 1n, memberId: 7n, revision: 5, raftTerm: 2 };
const kv = {
  key: Buffer.from('a'),
  value: Buffer.from([255, 254]),
  createRevision: 2,
  modRevision: 5,
  version: 1,
  lease: -(2n ** 63n),
};

test('numbers of 64 bits are text, bytes base64, names the proto’s, and defaults are absent', () => {
  const encoded = RangeResponse.encode({ header, kvs: [kv], more: true, count: 1 }).finish();
  expect(JSON.stringify(answerJson('etcdserverpb.KV/Range', encoded))).toBe(
    '{"header":{"cluster_id":"18446744073709551615","member_id":"7","revision":"5","raft_term":"2"},"kvs":[{"key":' +
      '"YQ==","create_revision":"2","mod_revision":"5","version":"1","value":"//4=","lease":"-9223372036854775808"}],' +
      '"more":true,"count":"1"}',
  );
});

test('numbers of 32 bits are numbers', () => {
  const encoded = HashKVResponse.encode({
    header,
    hash: 4294967295,
    compactRevision: -1,
    hashRevision: 0,
  });
  expect(answerJson('etcdserverpb.Maintenance/HashKV', encoded.finish())).toMatchObject({
    hash: 4294967295,
    compact_revision: '-1',
  });
});

test('answers of a transaction say which they are, also where they say nothing else', () => {
  const encoded = TxnResponse.encode({
    header: undefined,
    succeeded: false,
    responses: [
      {
        response: {
          $case: 'responseTxn',
          value: { header: undefined, succeeded: true, responses: [{ response: undefined }] },
        },
      },
    ],
  });
  expect(answerJson('etcdserverpb.KV/Txn', encoded.finish())).toEqual({
    responses: [{ response_txn: { succeeded: true, responses: [{}] } }],
  });
});

test('values of enums have their names, and numbers where they have none', () => {
  const perm = [
    { permType: 2, key: Buffer.from('k'), rangeEnd: Buffer.alloc(0) },
    { permType: 9 as 2, key: Buffer.from('k'), rangeEnd: Buffer.alloc(0) },
    { permType: 0, key: Buffer.from('k'), rangeEnd: Buffer.alloc(0) },
  ] as const;
  const encoded = AuthRoleGetResponse.encode({ header: undefined, perm: [...perm] });
  expect(answerJson('etcdserverpb.Auth/RoleGet', encoded.finish())).toEqual({
    perm: [{ permType: 'READWRITE', key: 'aw==' }, { permType: 9, key: 'aw==' }, { key: 'aw==' }],
  });
  const alarms = [{ memberID: 3n, alarm: 2 }] as const;
  const alarm = AlarmResponse.encode({ header: undefined, alarms: [...alarms] });
  expect(answerJson('etcdserverpb.Maintenance/Alarm', alarm.finish())).toEqual({
    alarms: [{ memberID: '3', alarm: 'CORRUPT' }],
  });
});

test('events of a watch', () => {
  const encoded = WatchResponse.encode({
    header: undefined,
    watchId: -1n,
    created: false,
    canceled: true,
    compactRevision: 3,
    cancelReason: 'over',
    fragment: false,
    events: [
      { type: 0, kv: undefined, prevKv: undefined },
      { type: 1, kv, prevKv: kv },
    ],
  });
  expect(answerJson('etcdserverpb.Watch/Watch', encoded.finish())).toMatchObject({
    watch_id: '-1',
    canceled: true,
    compact_revision: '3',
    cancel_reason: 'over',
    events: [{}, { type: 'DELETE', kv: { key: 'YQ==' }, prev_kv: { version: '1' } }],
  });
});

test('fields that nobody knows are passed over', () => {
  const unknown = Buffer.from([0xf8, 0x07, 0x01, 0x20, 0x05]);
  expect(answerJson('etcdserverpb.KV/Range', unknown)).toEqual({ count: '5' });
});
