/**
 * One HTTP probe, as kubelet's: redirects are followed on the same host only, and at most 10 KiB of the body are read.
 * @see Kubernetes pkg/probe/http/http.go, request.go, and Go's net/http client.go for redirects
 */
import * as http from 'node:http';
import * as https from 'node:https';
import type { Probe } from '../../api/types/core.js';
import type { ProbeOutcome } from './prober.js';

/** The `httpGet` of a probe. */
export type HttpAction = NonNullable<Probe['httpGet']>;

/** Read of an answer's body: one without an end is judged by its status. */
const bodyBytesMax = 10 * 1024;
/** Of the body in the outcome. */
const outputMax = 1024;
const redirectsMax = 10;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The URL of an action. A path without a slash gets one; what only a browser would look at is left out. */
export function probeUrl(action: HttpAction, podIp: string, port: number): URL {
  const scheme = (action.scheme ?? 'HTTP').toUpperCase() === 'HTTPS' ? 'https' : 'http';
  const host = action.host === undefined || action.host === '' ? podIp : action.host;
  const url = new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}/`);
  const given = action.path ?? '';
  // Resolved against the URL, `//other/` would be another host's.
  const [, path = '', query] = /^([^?#]*)(?:\?([^#]*))?/.exec(given) ?? [];
  url.pathname = path.startsWith('/') ? path : `/${path}`;
  if (query !== undefined) url.search = `?${query}`;
  return url;
}

/** Names and values as they are sent; a name that is given twice is sent twice. */
export function probeHeaders(
  action: HttpAction,
  userAgent = 'kube-probe/1.33',
): Record<string, string | string[]> {
  // A map: a container may name a field as something that every object has.
  const headers = new Map<string, string[]>();
  for (const { name, value } of action.httpHeaders ?? []) {
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value ?? '']);
  }
  if (!headers.has('user-agent')) headers.set('user-agent', [userAgent]);
  if (!headers.has('accept')) headers.set('accept', ['*/*']);
  for (const name of ['accept', 'host']) if (headers.get(name)?.[0] === '') headers.delete(name);
  headers.set('connection', ['close']);
  return Object.fromEntries(
    [...headers].map(([name, values]) => {
      const [only = ''] = values;
      return [name, values.length === 1 || name === 'host' ? only : values];
    }),
  );
}

/** @returns where a redirect leads, if it is to be followed: nowhere but to the host that was asked first */
export function redirectTarget(
  from: URL,
  status: number,
  location: string | undefined,
): URL | undefined {
  if (!redirects.has(status) || location === undefined || location === '') return undefined;
  const target = new URL(location, from);
  return target.hostname === from.hostname ? target : undefined;
}

/**
 * Begins a probe. The caller bounds its time.
 * @returns what ends it
 */
export function beginHttpProbe(
  action: HttpAction,
  target: { readonly podIp: string; readonly port: number },
  done: (outcome: ProbeOutcome) => void,
): () => void {
  const probe = new HttpProbe(probeHeaders(action), done);
  probe.ask(probeUrl(action, target.podIp, target.port));
  return () => probe.end();
}

class HttpProbe {
  readonly #headers: Record<string, string | string[]>;
  readonly #done: (outcome: ProbeOutcome) => void;
  #request: http.ClientRequest | undefined;
  #redirects = 0;

  constructor(headers: Record<string, string | string[]>, done: (outcome: ProbeOutcome) => void) {
    this.#headers = headers;
    this.#done = done;
  }

  end(): void {
    this.#request?.destroy();
  }

  ask(url: URL): void {
    // A container's certificate is anybody's, as kubelet's prober has it (`InsecureSkipVerify`): its health is asked.
    const options = { headers: this.#headers, agent: false, rejectUnauthorized: false };
    const request = url.protocol === 'https:' ? https.get(url, options) : http.get(url, options);
    this.#request = request;
    request.on('error', (error) => this.#fail(url, error));
    request.on('response', (response) => {
      try {
        this.#answered(url, response);
      } catch (error) {
        this.#fail(url, error instanceof Error ? error : new Error('an unusable answer'));
      }
    });
  }

  #answered(url: URL, response: http.IncomingMessage): void {
    const { statusCode: status = 0, headers } = response;
    const next = redirectTarget(url, status, headers.location);
    if (next !== undefined) {
      response.on('error', () => undefined);
      this.#request?.destroy();
      if (++this.#redirects >= redirectsMax) {
        this.#done({
          ok: false,
          output: `Get "${next.href}": stopped after ${redirectsMax} redirects`,
        });
      } else this.ask(next);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const judge = (): void => {
      if (status < 200 || status >= 400) {
        this.#done({ ok: false, output: `HTTP probe failed with statuscode: ${status}` });
        return;
      }
      const body = Buffer.concat(chunks).toString('utf8').slice(0, outputMax);
      const text = `Probe terminated redirects, Response body: ${body}`;
      if (status < 300) this.#done({ ok: true, output: body });
      else this.#done({ ok: true, output: text, isWarning: true });
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= bodyBytesMax) judge();
    });
    response.on('end', judge);
    // A body that breaks off is no answer.
    response.on('error', (error) => this.#fail(url, error));
  }

  #fail(url: URL, error: NodeJS.ErrnoException): void {
    const refused = `dial tcp ${url.host}: connect: connection refused`;
    const reason = error.code === 'ECONNREFUSED' ? refused : error.message;
    this.#done({ ok: false, output: `Get "${url.href}": ${reason}` });
  }
}
