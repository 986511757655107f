import { randomUUID } from 'node:crypto';
import type { WriteStream } from 'node:fs';
import { createWriteStream } from 'node:fs';
import type { Clock } from '../../../lib/clock.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';

/** Lines that may wait for the disk; beyond it events are dropped and counted. */
const maxBufferedBytes = 16 * 1024 * 1024;

/** Writes an `audit.k8s.io/v1` event of level Metadata per request, one JSON line each. */
export class AuditLog {
  readonly #stream: WriteStream;
  readonly #clock: Clock;
  dropped = 0;

  constructor(path: string, clock: Clock) {
    this.#stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
    this.#stream.on('error', () => {
      this.dropped++;
    });
    this.#clock = clock;
  }

  record(exchange: Exchange, elapsedMs: number): void {
    if (this.#stream.writableLength > maxBufferedBytes) {
      this.dropped++;
      return;
    }
    const { info, user } = exchange;
    const nowMs = this.#clock.nowMs();
    const time = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
    const event = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      auditID: randomUUID(),
      stage: 'ResponseComplete',
      requestURI: exchange.request.url ?? '',
      verb: info.verb,
      user: {
        username: user.name,
        ...(user.uid === undefined ? {} : { uid: user.uid }),
        groups: user.groups,
        ...(user.extra === undefined ? {} : { extra: user.extra }),
      },
      sourceIPs: [exchange.request.socket.remoteAddress ?? ''],
      userAgent: header(exchange, 'user-agent'),
      ...(info.isResource ? { objectRef: objectReference(exchange) } : {}),
      responseStatus: { metadata: {}, code: exchange.response.statusCode },
      requestReceivedTimestamp: time(nowMs - elapsedMs),
      stageTimestamp: time(nowMs),
    };
    this.#stream.write(`${JSON.stringify(event)}\n`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.end(resolve);
    });
  }
}

function objectReference(exchange: Exchange): object {
  const { info } = exchange;
  return {
    resource: info.resource,
    ...(info.namespace === '' ? {} : { namespace: info.namespace }),
    ...(info.name === '' ? {} : { name: info.name }),
    ...(info.group === '' ? {} : { apiGroup: info.group }),
    apiVersion: info.version,
    ...(info.subresource === '' ? {} : { subresource: info.subresource }),
  };
}
