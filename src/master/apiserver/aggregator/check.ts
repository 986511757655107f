/** Asks the server of an APIService whether it is there, and what it serves. */
import { formatGroupVersion, isJsonObject } from '../../../api/object.js';
import type { APIService } from '../../../api/types/policy.js';
import type { Clock } from '../../../lib/clock.js';
import { assertNever } from '../../../lib/assert.js';
import { errorMessage } from '../../../lib/errors.js';
import { maxRemoteDocumentBytes, remoteCheckMs } from '../limits.js';
import { isNoServerError } from '../subresources/service-address.js';
import type { NoServerError } from '../subresources/service-address.js';
import { aggregatorUser, identityHeaders } from './identity.js';
import type { Availability, Learned } from './remote-apis.js';
import type { RemoteCallDeps } from './remote-call.js';
import { callRemote, servicePortOf } from './remote-call.js';

/** The dependencies of a check. */
export interface CheckDeps extends RemoteCallDeps {
  readonly clock: Clock;
}

/** The outcome of a check: what the condition says, and what was learned of a server that answered. */
export interface Checked {
  readonly condition: Pick<Availability, 'status' | 'reason' | 'message'>;
  readonly learned: Learned | undefined;
}

/** Reasons and texts are those of kube-aggregator's availability controller. */
export async function checkRemote(deps: CheckDeps, api: APIService): Promise<Checked> {
  const { group = '', version = '' } = api.spec;
  const path = `/apis/${group}/${version}`;
  try {
    const { resources } = parseJson(await fetchText(deps, api, path));
    const learned = {
      resources: Array.isArray(resources) ? (resources as readonly unknown[]) : [],
      ...(await fetchOpenApi(deps, api)),
    };
    const message = 'all checks passed';
    return { condition: { status: 'True', reason: 'Passed', message }, learned };
  } catch (error) {
    const condition = isNoServerError(error)
      ? missing(api, error)
      : {
          reason: 'FailedDiscoveryCheck',
          message: `failing or missing response from ${urlOf(api, path)}: ${errorMessage(error)}`,
        };
    return { condition: { status: 'False', ...condition }, learned: undefined };
  }
}

function urlOf(api: APIService, path: string): string {
  const { namespace, name, port } = servicePortOf(api);
  return `https://${name}.${namespace}.svc:${port}${path}`;
}

function missing(
  api: APIService,
  { missing: part, portName }: NoServerError,
): Pick<Availability, 'reason' | 'message'> {
  const { namespace, name, port } = servicePortOf(api);
  const subject = `service/${name} in ${JSON.stringify(namespace)}`;
  switch (part) {
    case 'service':
      return { reason: 'ServiceNotFound', message: `${subject} is not present` };
    case 'port':
      return {
        reason: 'ServicePortError',
        message: `${subject} is not listening on port ${port}`,
      };
    case 'endpoints': {
      const port = JSON.stringify(portName);
      const message = `endpoints for ${subject} have no addresses with port name ${port}`;
      return { reason: 'MissingEndpoints', message };
    }
    default:
      return assertNever(part);
  }
}

/** Its OpenAPI, where it has some: a server without is available all the same. */
async function fetchOpenApi(
  deps: CheckDeps,
  api: APIService,
): Promise<Pick<Learned, 'openApi' | 'openApiHash'>> {
  const read = (path: string): Promise<Record<string, unknown> | undefined> =>
    fetchText(deps, api, path).then(parseJson, () => undefined);
  const [second, third] = await Promise.all([read('/openapi/v2'), read('/openapi/v3')]);
  const { group = '', version = '' } = api.spec;
  const paths = third?.['paths'];
  const entry = isJsonObject(paths)
    ? paths[`apis/${formatGroupVersion(group, version)}`]
    : undefined;
  const url = isJsonObject(entry) ? entry['serverRelativeURL'] : undefined;
  const openApiHash =
    typeof url === 'string'
      ? (new URLSearchParams(url.split('?')[1]).get('hash') ?? '')
      : undefined;
  return { openApi: second, openApiHash };
}

function parseJson(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) throw new Error('the answer is no JSON object');
  return value;
}

/** @throws NoServerError, Error */
function fetchText(deps: CheckDeps, api: APIService, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...identityHeaders(aggregatorUser),
      accept: 'application/json',
      connection: 'close',
    };
    const request = callRemote(deps, api, { method: 'GET', path, headers });
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
        const { statusCode = 0 } = response;
        if (statusCode >= 200 && statusCode < 300) resolve(Buffer.concat(chunks).toString());
        else reject(new Error(`bad status from ${urlOf(api, path)}: ${statusCode}`));
      });
    });
    request.end();
  });
}
