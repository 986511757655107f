/**
 * WebSocket and other HTTP/1.1 upgrades. The tunnel begins when the endpoint has said 101 to the protocol that was
 * asked for, and not before: until then nothing of the client's goes on, so that no second request passes by the
 * rules. Any other answer is an answer.
 */
import { request as httpRequest, STATUS_CODES } from 'node:http';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import { endSocket } from '../../lib/linger.js';
import type { Forwarded } from './decide.js';
import { answerFields, requestFields } from './fields.js';
import type { ForwardOptions } from './forward.js';
import { keepMoving, Patience } from './patience.js';
import { upstreamLimits } from './limits.js';
import { errorText, hasBody } from './messages.js';

/** Takes over the connection of a request to upgrade, and answers it. */
export function openTunnel(
  req: IncomingMessage,
  client: Duplex,
  head: Buffer,
  request: Forwarded,
  options: ForwardOptions,
): void {
  client.on('error', () => undefined);
  // One side would take the bytes that follow for a body, and the other for the tunnel's.
  if (hasBody(req)) refuse(client, options.clock, 400);
  else new Tunnel(req, client, head, request, options).attempt(0);
}

/** Ends the connection with an answer of our own. */
export function refuse(
  client: Duplex,
  clock: Clock,
  status: number,
  headers: OutgoingHttpHeaders = {},
): void {
  if (client.destroyed) return;
  client.on('error', () => undefined);
  const body = errorText(status);
  const length = Buffer.byteLength(body);
  client.write(
    `${headText(status, { ...headers, connection: 'close', 'content-length': length })}${body}`,
  );
  endSocket(client, clock);
}

class Tunnel {
  readonly #client: Duplex;
  readonly #head: Buffer;
  readonly #req: IncomingMessage;
  readonly #request: Forwarded;
  readonly #options: ForwardOptions;
  /** "" when the request is to be answered as if it had asked for no other protocol. */
  readonly #protocol: string;

  constructor(
    req: IncomingMessage,
    client: Duplex,
    head: Buffer,
    request: Forwarded,
    options: ForwardOptions,
  ) {
    this.#req = req;
    this.#client = client;
    this.#head = head;
    this.#request = request;
    this.#options = options;
    this.#protocol = tunnelled(req.headers.upgrade ?? '');
  }

  attempt(index: number): void {
    const target = this.#request.targets[index];
    const release = target === undefined ? undefined : this.#options.upstreams.take(target);
    const connection =
      target === undefined ? undefined : this.#options.upstreams.connectOptions(target);
    if (release === undefined || connection === undefined) {
      release?.();
      refuse(this.#client, this.#options.clock, 503);
      return;
    }
    let upstream: ClientRequest;
    try {
      const { method, target: path } = this.#request;
      const headers = this.#fields();
      const { headBytes: maxHeaderSize } = upstreamLimits;
      const own = { agent: false, setHost: false, maxHeaderSize } as const;
      upstream = httpRequest({ ...own, ...connection, method, path, headers });
    } catch {
      release();
      refuse(this.#client, this.#options.clock, 400);
      return;
    }
    upstream.once('close', release);
    this.#watch(upstream, index);
    upstream.end();
  }

  #fields(): OutgoingHttpHeaders {
    const { sender } = this.#options;
    const fields = requestFields(this.#req.headers, this.#request.host, sender, false);
    if (this.#protocol === '') return fields;
    return { ...fields, connection: 'Upgrade', upgrade: this.#protocol };
  }

  #watch(upstream: ClientRequest, index: number): void {
    const { clock, timeoutMs } = this.#options;
    const client = this.#client;
    let connected = false;
    let over = false;
    const finish = (status: number): void => {
      if (over) return;
      end();
      upstream.destroy();
      const more = index + 1 < Math.min(this.#request.targets.length, upstreamLimits.attempts);
      if (!connected && more && !client.destroyed) this.attempt(index + 1);
      else refuse(client, clock, status);
    };
    const connecting = clock.schedule(upstreamLimits.connectMs, () => finish(502));
    const waiting = new Patience(clock, timeoutMs, () => finish(504));
    const gone = (): void => {
      end();
      upstream.destroy();
    };
    const end = (): void => {
      over = true;
      connecting();
      waiting.end();
      client.removeListener('close', gone);
    };
    client.once('close', gone);
    upstream.on('error', () => finish(502));
    upstream.on('socket', (socket) => {
      socket.once('connect', () => {
        connected = true;
        connecting();
      });
    });
    upstream.on('upgrade', (answer, socket, first) => {
      socket.on('error', () => undefined);
      if (over) socket.destroy();
      else if (!this.#isAgreed(answer)) finish(502);
      else {
        end();
        this.#join(answer, socket, first);
      }
    });
    upstream.on('response', (answer) => {
      if (over) {
        answer.destroy();
        return;
      }
      end();
      this.#relay(answer);
    });
  }

  /** RFC 9110, section 7.8: 101 names the protocol that both speak from now on. */
  #isAgreed({ statusCode, headers }: IncomingMessage): boolean {
    const options = (headers.connection ?? '').toLowerCase().split(',');
    return (
      statusCode === 101 &&
      this.#protocol !== '' &&
      headers.upgrade?.toLowerCase() === this.#protocol.toLowerCase() &&
      options.some((option) => option.trim() === 'upgrade')
    );
  }

  #join(answer: IncomingMessage, upstream: Duplex & { setTimeout?: unknown }, first: Buffer): void {
    const client = this.#client;
    const fields = answerFields(answer.headers, 101);
    client.write(headText(101, { ...fields, connection: 'Upgrade', upgrade: this.#protocol }));
    if (first.length > 0) client.write(first);
    if (this.#head.length > 0) upstream.write(this.#head);
    const { clock } = this.#options;
    const idle = new Patience(clock, upstreamLimits.tunnelIdleMs, () => {
      client.destroy();
      upstream.destroy();
    });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', () => idle.renew());
      from.on('close', () => idle.end());
      pipeline(from, to, () => undefined);
    }
  }

  /** An answer without a tunnel. The connection is no longer the server's, so it ends with the answer. */
  #relay(answer: IncomingMessage): void {
    const { clock } = this.#options;
    const client = this.#client;
    const status = answer.statusCode ?? 0;
    answer.on('error', () => client.destroy());
    if (status < 200 || status > 599) {
      answer.destroy();
      refuse(client, clock, 502);
      return;
    }
    client.write(
      headText(status, { ...answerFields(answer.headers, status), connection: 'close' }),
    );
    keepMoving(answer, clock, () => client.destroy());
    client.once('close', () => answer.destroy());
    answer.pipe(client, { end: false });
    answer.on('end', () => endSocket(client, clock));
    answer.on('close', () => {
      if (!answer.complete) client.destroy();
    });
  }
}

/** HTTP/2 in a tunnel would carry requests that no rule has seen; lists of protocols leave open what is agreed on. */
function tunnelled(upgrade: string): string {
  return /^[\w.-]+(?:\/[\w.-]+)?$/.test(upgrade) && !/^h2c?$/i.test(upgrade) ? upgrade : '';
}

function headText(status: number, headers: OutgoingHttpHeaders): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [String(value)]).map((one) => `${name}: ${one}\r\n`),
  );
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`;
}
