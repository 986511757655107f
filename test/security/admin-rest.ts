/** Plain REST requests to the API server of a harness, with the administrator's certificate. */
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { join } from 'node:path';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';

/** The parts of answers that the tests read. */
export interface Answer {
  readonly code: number;
  readonly warnings: readonly string[];
  readonly body: {
    readonly message?: string;
    readonly reason?: string;
    readonly details?: { readonly causes?: readonly { field: string; message: string }[] };
    readonly [field: string]: unknown;
  };
}

/** Sends a text as it is, and anything else as JSON. */
export type Rest = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** `299 - "text"` without its frame. */
function warningText(header: string): string {
  const quoted = header.slice(header.indexOf('"'));
  return JSON.parse(quoted) as string;
}

/** Warnings of one header line; node joins them with commas, their texts hold commas too. */
function splitWarnings(header: string | undefined): string[] {
  return (header ?? '')
    .split(/, (?=299 )/)
    .filter(Boolean)
    .map(warningText);
}

export function adminRest({ url, pki }: ApiserverHarness): Rest {
  const read = (name: string): Buffer => readFileSync(join(pki, name));
  const agent = new https.Agent({
    keepAlive: true,
    ca: read('ca.crt'),
    cert: read('admin.crt'),
    key: read('admin.key'),
  });
  return (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const type =
        method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
      const options = { method, agent, headers: { 'content-type': type, ...headers } };
      const request = https.request(`${url}${path}`, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            code: response.statusCode ?? 0,
            warnings: splitWarnings(response.headers['warning']),
            body: text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : { message: text },
          });
        });
      });
      request.on('error', reject);
      request.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
}
