/** Asks the server of an APIService, and waits for its whole answer: short requests of this server's own. */
import type { APIService } from '../../../api/types/policy.js';
import type { Clock } from '../../../lib/clock.js';
import { maxRemoteDocumentBytes, remoteCheckMs } from '../limits.js';
import type { UserInfo } from '../registry/types.js';
import { identityHeaders } from './identity.js';
import type { RemoteCallDeps } from './remote-call.js';
import { callRemote } from './remote-call.js';

/** The dependencies of a fetch. */
export interface RemoteFetchDeps extends RemoteCallDeps {
  readonly clock: Clock;
}

/** One request; its answer is to be JSON. */
export interface RemoteFetch {
  readonly method: string;
  readonly path: string;
  /** On whose behalf. */
  readonly user: UserInfo;
  /** JSON; empty for none. */
  readonly body?: Buffer;
}

/** @throws NoServerError; Error for a server that does not answer in time, or with too much */
export function fetchRemote(
  deps: RemoteFetchDeps,
  api: APIService,
  { method, path, user, body = Buffer.alloc(0) }: RemoteFetch,
): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const typed =
      body.length === 0
        ? {}
        : { 'content-type': 'application/json', 'content-length': body.length };
    const headers = {
      ...identityHeaders(user),
      accept: 'application/json',
      connection: 'close',
      ...typed,
    };
    const request = callRemote(deps, api, { method, path, headers });
    const cancel = deps.clock.schedule(remoteCheckMs, () =>
      request.destroy(new Error('context deadline exceeded')),
    );
    const fail = (error: Error): void => {
      cancel();
      reject(error);
    };
    request.on('error', fail);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxRemoteDocumentBytes) request.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () => {
        cancel();
        request.destroy();
        resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    request.end(body);
  });
}
