import { expect, test } from '@jest/globals';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock } from '../../lib/clock.js';
import type { CallContext } from '../../lib/grpc/index.js';
import { Code, isGrpcError } from '../../lib/grpc/index.js';
import { silentLogger } from '../../lib/log.js';
import { failureLimits } from '../../lib/net-limits.js';
import { createBootstrapHandlers } from './bootstrap-service.js';
import { defaultSettings } from './settings.js';
import type { StoreAdmin } from './store-admin.js';
import { generateToken, storeToken } from './tokens.js';

const notReached = (): Promise<never> => Promise.reject(new Error('nobody gets so far'));
const unreached: StoreAdmin = {
  memberList: notReached,
  memberAddAsLearner: notReached,
  memberPromote: notReached,
  memberRemove: notReached,
  moveLeader: notReached,
  status: notReached,
};

function calling(peer: string, token: string): CallContext {
  return {
    path: '',
    metadata: new Map([['authorization', `Bearer ${token}`]]),
    header: () => undefined,
    peer,
    peerCertificate: undefined,
    signal: new AbortController().signal,
    setTrailer: () => undefined,
  };
}

test('guesses of join tokens are counted by address, for workers and masters together', async () => {
  const clock = new ManualClock();
  const client = new FakeApi();
  const handlers = createBootstrapHandlers({
    client,
    store: unreached,
    pkiDirectory: '/nowhere',
    settings: defaultSettings,
    clusterToken: 'c',
    clock,
    log: silentLogger,
  });
  const token = generateToken();
  await storeToken({ client, clock, token, usages: ['worker'], ttlMs: 3_600_000 });
  const good = `${token.id}.${token.secret}`;
  const wrong = `${token.id}.${'0'.repeat(16)}`;
  const request = {
    nodeName: '',
    csr: Buffer.alloc(0),
    servingCsr: Buffer.alloc(0),
    former: undefined,
  };
  const codeOf = async (answer: unknown): Promise<unknown> => {
    try {
      await answer;
    } catch (error) {
      return isGrpcError(error) ? error.code : error;
    }
    return undefined;
  };
  const asWorker = (peer: string, bearer: string): Promise<unknown> =>
    codeOf(handlers.joinWorker(request, calling(peer, bearer)));
  const asMaster = (peer: string, bearer: string): Promise<unknown> =>
    codeOf(
      handlers.joinMaster(
        { name: '', address: '', peerUrl: '', clientUrl: '' },
        calling(peer, bearer),
      ),
    );

  for (let guess = 0; guess < failureLimits.perKey; guess++) {
    const ask = guess % 2 === 0 ? asWorker : asMaster;
    expect(await ask(`10.0.0.7:${1024 + guess}`, wrong)).toBe(Code.Unauthenticated);
  }
  // Not even the right one is looked at, from whichever port.
  expect(await asWorker('10.0.0.7:9', good)).toBe(Code.ResourceExhausted);
  expect(await asMaster('10.0.0.7:9', wrong)).toBe(Code.ResourceExhausted);
  // Past the token it is the empty name that is refused.
  expect(await asWorker('10.0.0.8:9', good)).toBe(Code.InvalidArgument);
  clock.advance(failureLimits.windowMs);
  expect(await asWorker('10.0.0.7:9', good)).toBe(Code.InvalidArgument);
});
