import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { LeaseDefinition, MaintenanceDefinition } from '../../gen/etcd/rpc.js';
import { ManualClock } from '../../lib/clock.js';
import type { Duplex } from '../../lib/grpc/types.js';
import { Code, GrpcError } from '../../lib/grpc/types.js';
import { silentLogger } from '../../lib/log.js';
import type { Compat } from '../compat.js';
import { JsonGateway } from './gateway.js';

const keepAlive = 'etcdserverpb.Lease/LeaseKeepAlive';

/** A gateway whose snapshots are refused, and whose keep-alives tell the lease's id. */
function newGateway(compat: Compat): JsonGateway {
  const options = { compat, maxBodyBytes: 1000, log: silentLogger, clock: new ManualClock() };
  const gateway = new JsonGateway(options);
  const refuse = (): Promise<never> =>
    Promise.reject(new GrpcError(Code.PermissionDenied, 'permission denied'));
  const answer = async (stream: Duplex<{ ID: bigint }, unknown>): Promise<void> => {
    for await (const { ID } of stream) stream.send({ header: undefined, ID, TTL: 5 });
  };
  gateway.add(MaintenanceDefinition, { snapshot: refuse, status: refuse } as never);
  gateway.add(LeaseDefinition, { leaseKeepAlive: answer } as never);
  return gateway;
}

async function post(compat: Compat, path: string, body: string): Promise<[number, unknown[]]> {
  const request = Object.assign(Readable.from([Buffer.from(body)]), {
    method: 'POST',
    headers: {},
  });
  let status = 200;
  let text = '';
  const response = {
    headersSent: false,
    on: () => undefined,
    writeHead(code: number) {
      status = code;
      this.headersSent = true;
    },
    write: (part: string) => (text += part) !== '',
    end: (part = '') => (text += part),
  };
  await newGateway(compat).serve(`/v3/${path}`, request as never, response as never);
  const lines = text.split('\n').filter((line) => line !== '');
  return [status, lines.map((line) => JSON.parse(line) as unknown)];
}

interface Refusal {
  readonly error: string;
  readonly code: number;
  readonly message: string;
}

const denied = { code: 7, message: 'permission denied' };
const unread = 'proto: syntax error (line 1:1): unexpected token [';

describe.each<[Compat, (body: Refusal) => object, object]>([
  [
    '3.5',
    (body) => body,
    { grpc_code: 7, http_code: 403, message: denied.message, http_status: 'Forbidden' },
  ],
  ['3.6', ({ code, message }) => ({ code, message }), denied],
])('the gateway of %s', (compat, shaped, ofStream) => {
  test('says why a call was refused', async () => {
    const body = shaped({ error: denied.message, ...denied });
    expect(await post(compat, 'maintenance/status', '{}')).toEqual([403, [body]]);
  });

  test('says in the form of a stream why a stream was refused', async () => {
    expect(await post(compat, 'maintenance/snapshot', '{}')).toEqual([403, [{ error: ofStream }]]);
  });

  test('begins no stream for a request that is none', async () => {
    const body = shaped({ error: unread, code: 3, message: unread });
    expect(await post(compat, 'maintenance/snapshot', '[]')).toEqual([400, [body]]);
  });

  test('ends what a client says at what is no message', async () => {
    const lines = [{ result: { ID: '7', TTL: '5' } }];
    expect(await post(compat, 'lease/keepalive', '{"ID":7}\n[]\n{"ID":8}')).toEqual([200, lines]);
  });
});

test.each<[Compat, [number, unknown[]]]>([
  ['3.5', [500, [{ error: unread, code: 2, message: unread }]]],
  ['3.6', [200, []]],
])(`${keepAlive} without a first message, by %s`, async (compat, answer) => {
  expect(await post(compat, 'lease/keepalive', '[]')).toEqual(answer);
});
