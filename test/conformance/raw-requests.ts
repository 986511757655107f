/** Requests to an API server of their own as bytes, with the administrator's certificate. */
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { join } from 'node:path';
import { startHarness } from '../cluster/apiserver-harness.js';

/** An answer as it came. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The parts of a Status, or of a list, that the tests read. */
export interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly metadata?: { readonly continue?: string };
}

/** An API server that runs. */
export interface RawServer {
  /** @param type of the body; empty for none */
  send(method: string, path: string, type?: string, body?: string): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts an API server on a store of its own. */
export async function startRawServer(): Promise<RawServer> {
  const server = await startHarness();
  const read = (name: string): Buffer => readFileSync(join(server.pki, name));
  const tls = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
  const send: RawServer['send'] = (method, path, type = '', body = '') =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-length': Buffer.byteLength(body),
        ...(type === '' ? {} : { 'content-type': type }),
      };
      const options = { ...tls, method, headers };
      const request = https.request(`${server.url}${path}`, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ code: response.statusCode ?? 0, text, headers: response.headers });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  return { send, stop: () => server.stop() };
}

/** The answer's body. */
export function statusOf(answer: Answer): Status {
  return JSON.parse(answer.text) as Status;
}
