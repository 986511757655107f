import type { ServerHttp2Session } from 'node:http2';
import type { Clock } from './clock.js';
import { connectionLimits } from './net-limits.js';

/** A peer whose streams are silent must answer a ping within this time. */
const pingTimeoutMs = 20_000;

/**
 * Watches over a session of `node:http2`. One without streams ends in order, as net/http ends it after its
 * `IdleTimeout`; one whose streams are silent is asked for a sign of life. Without this a session that broke the
 * protocol may stay for ever: after a PING of one byte, say, Node sends GOAWAY, reads no more, and notices neither the
 * end of the connection nor tells of an error (20.20.2, over TLS).
 */
export function superviseSession(
  session: ServerHttp2Session,
  clock: Clock,
  limits: { readonly firstBytesMs: number; readonly idleMs: number } = connectionLimits,
): void {
  let streams = 0;
  const onSilence = (): void => {
    if (streams === 0) session.close();
    else expectSign(session, clock, () => session.setTimeout(limits.idleMs));
  };
  session.on('timeout', onSilence);
  session.setTimeout(limits.firstBytesMs);
  session.once('stream', () => session.setTimeout(limits.idleMs));
  session.on('stream', (stream) => {
    streams++;
    stream.once('close', () => streams--);
  });
}

/**
 * Destroys a session that does not answer a ping.
 * @param then it has; Node's timer went off once and must be set anew
 */
function expectSign(session: ServerHttp2Session, clock: Clock, then: () => void): void {
  if (session.destroyed) return;
  const cancel = clock.schedule(pingTimeoutMs, () => session.destroy());
  session.once('close', cancel);
  session.ping((error: Error | null) => {
    if (error !== null) return;
    session.removeListener('close', cancel);
    cancel();
    then();
  });
}
