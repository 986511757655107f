/** WebSocket and other HTTP/1.1 upgrades: after the heads, two byte streams joined with back-pressure. */
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import type { Target } from './backends.js';
import { upstreamHeaders } from './forward.js';

const connectMs = 3000;

export interface UpgradeOptions {
  readonly clock: Clock;
  readonly scheme: 'http' | 'https';
  readonly port: number;
}

/** The endpoint's own answer, "101" or a refusal, goes back as it is. */
export function forwardUpgrade(
  req: IncomingMessage,
  client: Duplex,
  head: Buffer,
  targets: readonly Target[],
  options: UpgradeOptions,
): void {
  const [target, ...rest] = targets;
  if (target === undefined) {
    refuse(client, '503 Service Unavailable');
    return;
  }
  const upstream = connect({ host: target.host, port: target.port, noDelay: true });
  const next = (): void => {
    cancel();
    upstream.destroy();
    if (rest.length > 0 && !client.destroyed) forwardUpgrade(req, client, head, rest, options);
    else refuse(client, '502 Bad Gateway');
  };
  const cancel = options.clock.schedule(connectMs, next);
  upstream.once('error', next);
  upstream.once('connect', () => {
    cancel();
    upstream.off('error', next);
    const headers = {
      ...upstreamHeaders(req, options, false),
      connection: 'Upgrade',
      upgrade: req.headers.upgrade ?? '',
    };
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [String(value)]).map((one) => `${name}: ${one}`),
    );
    upstream.write(
      `${req.method ?? 'GET'} ${req.url ?? '/'} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`,
    );
    if (head.length > 0) upstream.write(head);
    pipeline(client, upstream, () => undefined);
    pipeline(upstream, client, () => undefined);
  });
}

export function refuse(client: Duplex, status: string): void {
  if (client.destroyed) return;
  client.on('error', () => undefined);
  client.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
