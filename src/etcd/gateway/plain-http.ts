/** What answers in plain HTTP need: the member behind them, and how they are written. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Logger } from '../../lib/log.js';
import type { RaftNode } from '../../raft/index.js';
import type { AlarmStore } from '../apply/alarms.js';
import type { Compat } from '../compat.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** The member, as plain HTTP shows it. */
export interface HttpMember {
  readonly config: {
    readonly compat?: Compat;
    readonly log: Logger;
    readonly telemetry: Telemetry;
  };
  readonly alarms: Pick<AlarmStore, 'list' | 'has'>;
  readonly node: Pick<RaftNode, 'status'>;
  readonly room: { readonly shortage: { readonly message: string } | undefined };
  /** 0 while there is none. */
  readonly leader: bigint;
  readonly isLearner: boolean;
  linearizable<T>(read: () => T): Promise<T>;
}

/** A request of either version of HTTP. */
export type Request = IncomingMessage | Http2ServerRequest;
/** Its answer. */
export type Response = ServerResponse | Http2ServerResponse;

/** Writes one whole answer. */
export function respond(
  response: Response,
  status: number,
  contentType: string,
  body: string,
): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(body);
}

/** Refuses as Go's servers do. */
export function refuse(response: Response, status: number, problem: string): void {
  response.setHeader('x-content-type-options', 'nosniff');
  respond(response, status, 'text/plain; charset=utf-8', `${problem}\n`);
}

/** Refuses what is no GET. */
export function refuseMethod(response: Response): void {
  response.setHeader('allow', 'GET');
  refuse(response, 405, 'Method Not Allowed');
}
