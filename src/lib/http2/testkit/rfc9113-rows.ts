/** For tests: rows of RFC 9113, each with what a client sends and what must follow. */
import { expect } from '@jest/globals';
import { ManualClock } from '../../clock.js';
import { errorCode as code, frameType as type } from '../constants.js';
import { encodeFields } from '../hpack-encoder.js';
import { frame, until } from './raw-peer.js';
import { both, requestBlock, requestFrame } from './test-server.js';
import type { TestServers } from './test-server.js';

/** Ends stream 1 with a code; ends the connection with a code; answers stream 1; takes no notice. */
export type Reaction = { stream: number } | { connection: number } | 'served' | 'ignored';
export type Row = readonly [
  section: string,
  rule: string,
  bytes: readonly Buffer[],
  reaction: Reaction,
];
export type Fields = readonly (readonly [string, string])[];

export const malformed = { stream: code.protocolError };
export const broken = { connection: code.protocolError };
export const size = { connection: code.frameSizeError };
export const closed = { stream: code.streamClosed };
export const calm = { connection: code.enhanceYourCalm };

export function data(bytes: number, flags = 0, id = 1): Buffer {
  return frame(type.data, flags, id, Buffer.alloc(bytes));
}

/** A request on stream 1 with these fields after the usual ones. */
export function fields(more: Fields, flags: number = both): Buffer {
  return frame(type.headers, flags, 1, requestBlock('/size/1', more));
}

/** A header block on stream 1 with these fields alone. */
export function only(all: Fields): Buffer {
  return frame(type.headers, both, 1, encodeFields(all));
}

/**
 * Sends a row's bytes, and a request that must be served unless the connection ends. Time stands still, so that a slow
 * machine earns a flood nothing.
 */
export async function checkRow(
  servers: TestServers,
  [, , bytes, reaction]: Row,
  options: Parameters<TestServers['start']>[0] = {},
): Promise<void> {
  const { peer, requests } = await servers.start({ clock: new ManualClock(), ...options });
  peer.send(...bytes, requestFrame(101, '/size/10'));
  if (typeof reaction === 'object' && 'connection' in reaction) {
    await until(() => peer.closed, 'the end');
    expect(peer.goawayCode).toBe(reaction.connection);
    return;
  }
  await until(() => peer.hasEnded(101) || peer.closed, 'the answer to another request');
  expect(peer.goawayCode).toBeUndefined();
  expect(peer.hasEnded(101)).toBe(true);
  if (typeof reaction === 'object') {
    expect(peer.resetCode(1)).toBe(reaction.stream);
    for (const { stream } of requests) expect(stream.closed).toBe(true);
  } else if (reaction === 'served') expect(peer.hasEnded(1)).toBe(true);
  else expect(peer.resetCode(1)).toBeUndefined();
}
