/** Asks the server of an APIService whether it is there, and what it serves. */
import { formatGroupVersion, isJsonObject } from '../../../api/object.js';
import type { APIService } from '../../../api/types/policy.js';
import { assertNever } from '../../../lib/assert.js';
import { errorMessage } from '../../../lib/errors.js';
import { isNoServerError } from '../subresources/service-address.js';
import type { NoServerError } from '../subresources/service-address.js';
import { aggregatorUser } from './identity.js';
import type { Availability, Learned } from './remote-apis.js';
import { servicePortOf } from './remote-call.js';
import type { RemoteFetchDeps } from './remote-fetch.js';
import { fetchRemote } from './remote-fetch.js';

/** The outcome of a check: what the condition says, and what was learned of a server that answered. */
export interface Checked {
  readonly condition: Pick<Availability, 'status' | 'reason' | 'message'>;
  readonly learned: Learned | undefined;
}

/** Reasons and texts are those of kube-aggregator's availability controller. */
export async function checkRemote(deps: RemoteFetchDeps, api: APIService): Promise<Checked> {
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
  deps: RemoteFetchDeps,
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
async function fetchText(deps: RemoteFetchDeps, api: APIService, path: string): Promise<string> {
  const { code, text } = await fetchRemote(deps, api, {
    method: 'GET',
    path,
    user: aggregatorUser,
  });
  if (code >= 200 && code < 300) return text;
  throw new Error(`bad status from ${urlOf(api, path)}: ${code}`);
}
