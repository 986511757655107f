/**
 * `GET /trireme/cluster`: what the gRPC call `Cluster.Observe` tells, for those who have a token and speak HTTP, as the
 * dashboard does. An observation a line, as JSON, until the client goes. Who may, roles say by the path, as for gRPC.
 */
import { Observation } from '../../gen/cluster.js';
import type { MemberCursor } from '../../gen/cluster.js';
import type { Exchange } from '../apiserver/rest/exchange.js';
import { drained, end, write, writeHead } from '../apiserver/rest/exchange.js';
import type { StreamHandler } from '../apiserver/rest/pipeline.js';
import { badRequest, tooManyRequests } from '../apiserver/status.js';
import type { ObservationSink } from './observe.js';
import type { Observers } from './observers.js';

/** More than the members of any cluster. */
const maxCursors = 64;

/** `?cursor=MEMBER:STARTED:SEQUENCE`, repeated: events of that run of a member are known up to there. */
export function observeOverHttp(observers: Observers): StreamHandler {
  return async (exchange, started, { name }) => {
    const cursors = readCursors(exchange.query.getAll('cursor'));
    const refusal = observers.refusal(name);
    if (refusal !== undefined) throw tooManyRequests(refusal, 1);
    const { response, signal } = exchange;
    writeHead(response, 200, {
      'content-type': 'application/json',
      'cache-control': 'no-cache, private',
    });
    if ('flushHeaders' in response) response.flushHeaders();
    started(200);
    await observers.run(name, { cursors }, sinkOf(exchange), signal);
    end(response);
  };
}

function sinkOf({ response, signal }: Exchange): ObservationSink {
  return {
    get ended() {
      return signal.aborted;
    },
    send: (observation) => write(response, `${JSON.stringify(Observation.toJSON(observation))}\n`),
    drained: () => drained(response),
  };
}

/** @throws StatusError 400 */
export function readCursors(texts: readonly string[]): MemberCursor[] {
  if (texts.length > maxCursors) throw badRequest(`more than ${maxCursors} cursors`);
  return texts.map((text) => {
    const match = /^(\d{1,20}):(\d{1,15}):(\d{1,15})$/.exec(text);
    if (match === null) throw badRequest(`not a cursor, MEMBER:STARTED:SEQUENCE: "${text}"`);
    const [, member = '0', started, sequence] = match;
    return {
      member: BigInt.asUintN(64, BigInt(member)),
      startedMs: Number(started),
      sequence: Number(sequence),
    };
  });
}
