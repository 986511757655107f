/** Makes one HTTPS call of a webhook. Errors read as Go's do, since people search for those texts. */
import * as https from 'node:https';
import type { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import type { Clock } from '../../../../lib/clock.js';

/** The address of a webhook's server, and the authority of its certificate. */
export interface Destination {
  readonly url: URL;
  /** Connects here instead of to the URL's host; its name is still what the certificate must say. */
  readonly address?: { readonly host: string; readonly port: number } | undefined;
  /** Carries the connection to where this host has no route. */
  readonly connect?: (() => Duplex) | undefined;
  /** PEM; unset: the system's authorities. */
  readonly ca: Buffer | undefined;
}

/** A call that had no answer, or none that counts. */
export class CallError extends Error {
  override readonly name = 'CallError';
}

const maxAnswerBytes = 16 * 1024 * 1024;
const agent = new https.Agent({ keepAlive: true, maxSockets: 64 });

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Posts JSON. @returns the answer's JSON text. @throws CallError */
export async function postJson(
  destination: Destination,
  body: string,
  options: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<string> {
  const { url } = destination;
  let answer: Answer;
  try {
    answer = await send(destination, body, options);
  } catch (error) {
    throw new CallError(`Post ${JSON.stringify(url.href)}: ${describe(error, destination)}`, {
      cause: error,
    });
  }
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  if (answer.status === 404) {
    throw new CallError('the server could not find the requested resource');
  }
  const text = JSON.stringify(answer.body.slice(0, 1_024));
  throw new CallError(
    answer.status >= 500
      ? `an error on the server (${text}) has prevented the request from succeeding`
      : `the server rejected our request for an unknown reason (${answer.status}, ${text})`,
  );
}

/** Returns the options of the connection: pooled, or over a carrier of its own. */
function connection({ url, address, ca, connect }: Destination): https.RequestOptions {
  const trust = ca === undefined ? {} : { ca };
  if (connect !== undefined) {
    return {
      createConnection: () =>
        tls.connect({ socket: connect(), servername: url.hostname, ...trust }),
    };
  }
  return {
    agent,
    host: address?.host ?? url.hostname.replace(/^\[|\]$/g, ''),
    port: address?.port ?? (url.port === '' ? 443 : Number(url.port)),
    ...(address === undefined ? {} : { servername: url.hostname }),
    ...trust,
  };
}

function send(
  destination: Destination,
  body: string,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<Answer> {
  const { url } = destination;
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        ...connection(destination),
        method: 'POST',
        path: `${url.pathname}${url.search}`,
        headers: {
          host: url.host,
          accept: 'application/json, */*',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'kube-apiserver-admission',
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) request.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => {
          cancel();
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    const cancel = clock.schedule(timeoutMs, () => {
      request.destroy(new Error('context deadline exceeded'));
    });
    request.on('error', (error) => {
      cancel();
      reject(error);
    });
    request.end(body);
  });
}

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

function describe(error: unknown, { url, address }: Destination): string {
  if (!(error instanceof Error)) return String(error);
  const { code = '' } = error as NodeJS.ErrnoException;
  const host = address?.host ?? url.hostname;
  const port = address?.port ?? (url.port || '443');
  if (code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  if (code === 'EHOSTUNREACH') return `dial tcp ${host}:${port}: connect: no route to host`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  if (code === 'CERT_HAS_EXPIRED') {
    return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
  }
  if (untrusted.has(code)) {
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `tls: failed to verify certificate: x509: certificate is not valid for ${url.hostname}`;
  }
  return code === 'ECONNRESET' ? 'EOF' : error.message;
}
