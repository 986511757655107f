import { describe, expect, test } from '@jest/globals';
import {
  CompactionRequest,
  MemberAddRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
  WatchRequest,
} from '../../gen/etcd/rpc.js';
import { isGrpcError } from '../../lib/grpc/types.js';
import { encodeJsonRequest } from './request-json.js';

const put = (text: string): PutRequest =>
  PutRequest.decode(encodeJsonRequest('etcdserverpb.KV/Put', text));
const range = (text: string): RangeRequest =>
  RangeRequest.decode(encodeJsonRequest('etcdserverpb.KV/Range', text));
const txn = (text: string): TxnRequest =>
  TxnRequest.decode(encodeJsonRequest('etcdserverpb.KV/Txn', text));

/** The number of transactions inside each other. */
function depthOf({ success }: TxnRequest): number {
  const inner = success[0]?.request;
  return inner?.$case === 'requestTxn' ? 1 + depthOf(inner.value) : 0;
}

describe('a request', () => {
  test('takes the names of the proto and those of JSON, and passes over others', () => {
    const text = '{"prev_kv":true,"ignoreLease":true,"nosuch":{"a":[{},"}",1]},"key":"YQ=="}';
    expect(put(text)).toMatchObject({ prevKv: true, ignoreLease: true, key: Buffer.from('a') });
  });

  test('is its first value, whatever stands behind it; nothing is an empty one', () => {
    expect(put(' \n{"key":"YQ=="} trailing').key.toString()).toBe('a');
    expect(put(' ').key).toHaveLength(0);
    expect(put('{"key":null,"lease":null}').key).toHaveLength(0);
  });

  test('is nested', () => {
    const text =
      '{"compare":[{"key":"YQ==","target":"VERSION","result":0,"version":"0"}],"success":[{"request_put":' +
      '{"key":"YQ=="}},{"requestTxn":{"failure":[{"request_delete_range":{"key":"Yg=="}}]}}]}';
    expect(txn(text)).toMatchObject({
      compare: [{ target: 0, result: 0, targetUnion: { $case: 'version', value: 0 } }],
      success: [
        { request: { $case: 'requestPut' } },
        { request: { $case: 'requestTxn', value: { failure: [{}] } } },
      ],
    });
  });

  test('has lists', () => {
    const text = '{"peerURLs":["http://a:1","http://b:2"]}';
    const added = MemberAddRequest.decode(
      encodeJsonRequest('etcdserverpb.Cluster/MemberAdd', text),
    );
    expect(added.peerURLs).toEqual(['http://a:1', 'http://b:2']);
    const create = '{"create_request":{"filters":["NODELETE",0],"watch_id":"-5"}}';
    const watch = WatchRequest.decode(encodeJsonRequest('etcdserverpb.Watch/Watch', create));
    expect(watch.requestUnion?.value).toMatchObject({ filters: [1, 0] });
  });
});

describe('whole numbers', () => {
  test.each([
    ['5', 5],
    ['"5"', 5],
    ['1e3', 1000],
    ['"1.0"', 1],
    ['1200e-2', 12],
    ['-0', 0],
    ['"-7"', -7],
  ])('%s', (text, value) => {
    const encoded = encodeJsonRequest('etcdserverpb.KV/Compact', `{"revision":${text}}`);
    expect(CompactionRequest.decode(encoded).revision).toBe(value);
  });

  test.each(['9223372036854775807', '"9223372036854775807"', '-9223372036854775808'])(
    'keep every digit: %s',
    (text) => {
      expect(put(`{"lease":${text}}`).lease).toBe(BigInt(text.replaceAll('"', '')));
    },
  );

  test.each([
    '9223372036854775808',
    '1.5',
    '"0x10"',
    '""',
    '" 5"',
    '"5x"',
    'true',
    '[]',
    '1e-1',
    '1e400',
  ])('are not %s', (text) => {
    const problem = `proto: (line 1:10): invalid value for int64 field lease: ${text === '[]' ? '[' : text}`;
    expect(() => put(`{"lease":${text}}`)).toThrow(problem);
  });
});

describe('bytes', () => {
  test.each<[string, readonly number[]]>([
    ['', []],
    ['YWI=', [0x61, 0x62]],
    ['YWI', [0x61, 0x62]],
    ['YQ', [0x61]],
    ['/+/+', [0xff, 0xef, 0xfe]],
    ['_-_-', [0xff, 0xef, 0xfe]],
    ['-w', [0xfb]],
    ['gIA=', [0x80, 0x80]],
    ['AAAA', [0, 0, 0]],
    [String.raw`YW\nFh\n\r\n`, [0x61, 0x61, 0x61]],
  ])('%j', (text, bytes) => {
    expect([...put(`{"value":"${text}"}`).value]).toEqual(bytes);
  });

  test.each([
    '"YQ="',
    '"Z!!!"',
    '"Zm9vY"',
    '"Zm8==="',
    String.raw`"YQ==\n"`,
    '"+_+_"',
    '7',
    'false',
  ])('are not %s', (text) => {
    const problem = `proto: (line 1:10): invalid value for bytes field value: ${text}`;
    expect(() => put(`{"value":${text}}`)).toThrow(problem);
  });
});

describe('what etcd refuses, in its words', () => {
  test.each([
    ['{"count_only":"false"}', '(line 1:15): invalid value for bool field countOnly: "false"'],
    ['{"key":"YQ==","key":"Yg=="}', '(line 1:15): duplicate field "key"'],
    ['{"range_end":"YQ==",\n "rangeEnd":null}', '(line 2:2): duplicate field "rangeEnd"'],
    ['{"sort_order":true}', '(line 1:15): invalid value for enum field sortOrder: true'],
    ['null', 'syntax error (line 1:1): unexpected token null'],
    ['[]', 'syntax error (line 1:1): unexpected token ['],
    ['"é"', 'syntax error (line 1:1): unexpected token "é"'],
    ['{"é":1,"limit":{}}', '(line 1:16): invalid value for int64 field limit: {'],
  ])('%s', (text, problem) => {
    expect(() => range(text)).toThrow(`proto: ${problem}`);
  });

  test.each([
    [
      '{"compare":[{"version":"1","create_revision":"3"}]}',
      '(line 1:28): error parsing "create_revision", oneof etcdserverpb.Compare.target_union is already set',
    ],
    [
      '{"success":[{"request_put":{},"request_range":{}}]}',
      '(line 1:31): error parsing "request_range", oneof etcdserverpb.RequestOp.request is already set',
    ],
    ['{"success":{}}', 'syntax error (line 1:12): unexpected token {'],
    ['{"success":[null]}', 'syntax error (line 1:13): unexpected token null'],
    ['{"success":[5]}', 'syntax error (line 1:13): unexpected token 5'],
  ])('%s', (text, problem) => {
    expect(() => txn(text)).toThrow(`proto: ${problem}`);
  });

  test.each([
    ['{', 'unexpected EOF'],
    ['{"key":', 'unexpected EOF'],
    ['{"key" 5}', "invalid character '5' after object key"],
    ['{key:5}', "invalid character 'k' looking for beginning of object key string"],
    ['x', "invalid character 'x' looking for beginning of value"],
  ])('%s', (text, problem) => {
    expect(() => range(text)).toThrow(problem);
  });

  test('is an invalid argument', () => {
    const refusals = ['[]', '{', '{"sort_target":"NAME"}'].map((text) => {
      try {
        return range(text);
      } catch (error) {
        return isGrpcError(error) ? error.code : error;
      }
    });
    expect(refusals).toEqual([3, 3, 3]);
  });

  test('nesting without end', () => {
    const deep = (levels: number): string =>
      `${'{"success":[{"request_txn":'.repeat(levels)}{}${'}]}'.repeat(levels)}`;
    expect(depthOf(txn(deep(49)))).toBe(49);
    // What the gateway lets through must be decoded: else the refusal is no invalid argument.
    expect(() => txn(deep(50))).toThrow('proto: exceeded max recursion depth');
    expect(() => txn(deep(100_000))).toThrow(
      /^(proto: exceeded max recursion depth|exceeded max depth)$/,
    );
  });
});

test('an enum takes numbers that have no name, and no unknown name', () => {
  expect(range('{"sort_order":"DESCEND","sort_target":9}')).toMatchObject({
    sortOrder: 2,
    sortTarget: 9,
  });
  const problem = 'unknown value "NAME" for enum etcdserverpb.RangeRequest.SortTarget';
  expect(() => range('{"sort_target":"NAME"}')).toThrow(problem);
});

test('a name that an enum does not have is passed over where 3.6 is asked for', () => {
  const method = 'etcdserverpb.KV/Range';
  const encode = (text: string): Buffer =>
    Buffer.from(encodeJsonRequest(method, text, { unknownNames: 'pass' }));
  expect(encode('{"key":"YQ==","sort_order":"x","limit":1}')).toEqual(
    encode('{"key":"YQ==","limit":1}'),
  );
  expect(() => encode('{"sort_order":true}')).toThrow('invalid value for enum field sortOrder');
});
