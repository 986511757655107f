import type { Registry } from '../../../lib/metrics.js';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { Exchange } from '../rest/exchange.js';
import { header } from '../rest/exchange.js';
import { availableTypes, negotiate } from '../rest/negotiate.js';
import type { PathHandler } from '../rest/pipeline.js';
import { sendBytes, sendJson } from '../rest/respond.js';
import { methodNotAllowed, notAvailable } from '../status.js';
import type { ServedGroups } from './served-groups.js';
import { kubernetesVersion } from './version.js';

/** `/version`, `/metrics`, `/.well-known/openid-configuration`, `/openid/v1/jwks`, `/`. */
export function wellKnownPaths(deps: {
  readonly served: ServedGroups;
  /** The registries that `/metrics` shows, in order. */
  readonly metrics: readonly [Registry, ...Registry[]];
  readonly tokens: ServiceAccountTokens;
}): PathHandler {
  const { served, metrics, tokens } = deps;
  const json = async (
    exchange: Exchange,
    body: object,
    available?: readonly string[],
  ): Promise<true> => {
    const offer = { protobuf: false, ...(available === undefined ? {} : { available }) };
    const format = negotiate(header(exchange, 'accept'), offer);
    await sendJson(exchange, 200, Buffer.from(JSON.stringify(body)), format);
    return true;
  };
  return async (exchange) => {
    const { path } = exchange.info;
    switch (path) {
      case '/':
        return json(exchange, { paths: rootPaths(served) });
      case '/version':
      case '/version/':
        return json(exchange, kubernetesVersion, availableTypes.json);
      case '/metrics': {
        const text = metrics.map((registry) => registry.metrics()).join('\n');
        await sendBytes(exchange, 200, Buffer.from(text), metrics[0].contentType);
        return true;
      }
      case '/.well-known/openid-configuration':
      case '/.well-known/openid-configuration/': {
        const { keys } = tokens.jwks();
        const configuration = {
          issuer: tokens.issuer,
          jwks_uri: `${tokens.issuer}/openid/v1/jwks`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: [...new Set(keys.map(({ alg }) => alg))].sort(),
        };
        return cached(exchange, configuration, 'application/json');
      }
      case '/openid/v1/jwks':
      case '/openid/v1/jwks/':
        return cached(exchange, tokens.jwks(), 'application/jwk-set+json');
      default:
        return false;
    }
  };
}

/** Sends a document that OIDC relying parties may keep for an hour. */
async function cached(exchange: Exchange, value: object, type: string): Promise<true> {
  if (exchange.method !== 'GET') throw methodNotAllowed();
  const accept = header(exchange, 'accept');
  const wanted = accept.split(',').map((clause) => clause.split(';')[0]?.trim());
  if (accept !== '' && !wanted.some((one) => one === '*/*' || one === type)) {
    throw notAvailable([type]);
  }
  const headers = { 'cache-control': 'public, max-age=3600' };
  await sendBytes(exchange, 200, Buffer.from(JSON.stringify(value)), type, headers);
  return true;
}

function rootPaths(served: ServedGroups): string[] {
  const groups = served
    .list()
    .flatMap(({ group, versions }) =>
      group === ''
        ? versions.map(({ version }) => `/api/${version}`)
        : [`/apis/${group}`, ...versions.map(({ version }) => `/apis/${group}/${version}`)],
    );
  const others =
    '/api /apis /healthz /livez /metrics /metrics/slis /openapi/v2 /openapi/v3 /readyz /version';
  return [...groups, ...others.split(' ')].sort();
}
