/** Requests of the simulated clients, as they go into the KV service. */
import {
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../../src/gen/etcd/rpc.js';
import type { KeyValue } from '../../src/gen/etcd/kv.js';
import { assertNever, mustExist } from '../../src/lib/assert.js';
import type { Found, Input, Output } from '../robustness/register-model.js';
import { callContext, message } from './store-calls.js';
import type { Services } from './store-process.js';

/** All keys of the clients start with it. */
export const keyPrefix = 'r/';
export const prefixEnd = 'r0';

export function found(pair: KeyValue | undefined): Found | undefined {
  if (pair === undefined) return undefined;
  return { value: pair.value.toString(), modRevision: pair.modRevision, version: pair.version };
}

export function putOf(key: string, value: string, lease = 0n): PutRequest {
  return message(PutRequest, { key: Buffer.from(key), value: Buffer.from(value), lease });
}

/** A write as the KV service takes it. */
export function withBytes<T>(
  codec: { encode(message: T): { finish(): Uint8Array } },
  message: T,
): { readonly message: T; readonly bytes: Uint8Array } {
  return { message, bytes: codec.encode(message).finish() };
}

/** A range read. */
export async function range(
  { kv }: Services,
  key: string,
  options: { readonly serializable?: boolean; readonly revision?: number } = {},
): Promise<RangeResponse> {
  const request = message(RangeRequest, { key: Buffer.from(key), ...options });
  return RangeResponse.decode(await kv.range(request, callContext));
}

function txnOf(inputs: readonly Input[]): TxnRequest {
  const [first] = inputs;
  const puts = inputs.flatMap((each) =>
    each.kind === 'put' || each.kind === 'cas'
      ? [{ request: { $case: 'requestPut' as const, value: putOf(each.key, each.value) } }]
      : [],
  );
  if (first?.kind !== 'cas') return { compare: [], success: puts, failure: [] };
  const key = Buffer.from(first.key);
  const read = message(RangeRequest, { key });
  return {
    compare: [
      {
        result: 0,
        target: 2,
        key,
        targetUnion: { $case: 'modRevision', value: first.expected },
        rangeEnd: Buffer.alloc(0),
      },
    ],
    success: puts,
    failure: [{ request: { $case: 'requestRange', value: read } }],
  };
}

/** Carries out an operation; several puts are one transaction. */
export async function perform(
  services: Services,
  inputs: readonly Input[],
  serializable: boolean,
): Promise<Output> {
  const { kv } = services;
  const input = mustExist(inputs[0], 'an operation');
  const kind = inputs.length > 1 ? 'cas' : input.kind;
  switch (kind) {
    case 'get': {
      const answer = await range(services, input.key, { serializable });
      const revision = answer.header?.revision ?? 0;
      return { revision, changed: false, found: found(answer.kvs[0]) };
    }
    case 'put': {
      const value = input.kind === 'put' ? input.value : '';
      const request = withBytes(PutRequest, putOf(input.key, value));
      const answer = PutResponse.decode(await kv.put(request, callContext));
      return { revision: answer.header?.revision ?? 0, changed: true };
    }
    case 'delete': {
      const asked = message(DeleteRangeRequest, { key: Buffer.from(input.key) });
      const request = withBytes(DeleteRangeRequest, asked);
      const answer = DeleteRangeResponse.decode(await kv.deleteRange(request, callContext));
      return { revision: answer.header?.revision ?? 0, changed: answer.deleted > 0 };
    }
    case 'cas': {
      const request = withBytes(TxnRequest, txnOf(inputs));
      const answer = TxnResponse.decode(await kv.txn(request, callContext));
      const response = answer.responses[0]?.response;
      const pair = response?.$case === 'responseRange' ? found(response.value.kvs[0]) : undefined;
      return { revision: answer.header?.revision ?? 0, changed: answer.succeeded, found: pair };
    }
    default:
      return assertNever(kind);
  }
}

/** A write, by a throw of dice from 50 to 99. */
export function drawWrite(
  dice: number,
  {
    key,
    value,
    expected,
  }: { readonly key: string; readonly value: string; readonly expected: number },
): readonly Input[] {
  if (dice < 72) return [{ kind: 'put', key, value }];
  if (dice < 90) return [{ kind: 'cas', key, expected, value }];
  if (dice < 95) return [{ kind: 'delete', key }];
  return [0, 1].map((index): Input => ({ kind: 'put', key: `${keyPrefix}pair${index}`, value }));
}
