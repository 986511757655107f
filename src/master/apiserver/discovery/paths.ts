import { createHash } from 'node:crypto';
import { openApiV2, openApiV3, openApiV3Paths } from '../../../api/openapi/documents.js';
import { parseGroupVersion } from '../../../api/object.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { ServerMetrics } from '../metrics.js';
import { notAcceptable } from '../status.js';
import type { Exchange } from '../rest/exchange.js';
import { header } from '../rest/exchange.js';
import { negotiate } from '../rest/negotiate.js';
import type { PathHandler } from '../rest/pipeline.js';
import { sendBytes, sendJson } from '../rest/respond.js';
import { kubernetesVersion } from './version.js';

interface Rendered {
  readonly bytes: Buffer;
  readonly hash: string;
}

/** Documents by path, rendered when first asked for and again after the kinds changed. */
class Documents {
  readonly #kinds: KindRegistry;
  readonly #rendered = new Map<string, Rendered>();
  #of: readonly unknown[] = [];

  constructor(kinds: KindRegistry) {
    this.#kinds = kinds;
  }

  get(path: string, render: () => object): Rendered {
    const now = this.#kinds.list();
    if (now !== this.#of) {
      this.#rendered.clear();
      this.#of = now;
    }
    let found = this.#rendered.get(path);
    if (found === undefined) {
      const bytes = Buffer.from(JSON.stringify(render()));
      const hash = createHash('sha512').update(bytes).digest('hex').toUpperCase();
      found = { bytes, hash };
      this.#rendered.set(path, found);
    }
    return found;
  }
}

const version = kubernetesVersion.gitVersion;

/** `/version`, `/openapi/…`, `/metrics`, `/.well-known/openid-configuration`, `/openid/v1/jwks`, `/`. */
export function wellKnownPaths(deps: {
  readonly kinds: KindRegistry;
  readonly metrics: ServerMetrics;
  readonly tokens: ServiceAccountTokens;
}): PathHandler {
  const { kinds, metrics, tokens } = deps;
  const documents = new Documents(kinds);
  const json = async (exchange: Exchange, body: object): Promise<true> => {
    const format = negotiate(header(exchange, 'accept'));
    await sendJson(exchange, 200, Buffer.from(JSON.stringify(body)), format);
    return true;
  };
  const v3 = (path: string): Rendered => {
    const { group, version: v } = parseGroupVersion(path.replace(/^apis?\//, ''));
    const target = path.startsWith('api/') ? { group: '', version: v } : { group, version: v };
    return documents.get(path, () => openApiV3(kinds, target, version));
  };
  return async (exchange) => {
    const { path } = exchange.info;
    switch (path) {
      case '/':
        return json(exchange, { paths: rootPaths(kinds) });
      case '/version':
      case '/version/':
        return json(exchange, kubernetesVersion);
      case '/metrics': {
        const text = await metrics.registry.metrics();
        await sendBytes(exchange, 200, Buffer.from(text), metrics.registry.contentType);
        return true;
      }
      case '/.well-known/openid-configuration':
        return json(exchange, {
          issuer: tokens.issuer,
          jwks_uri: `${tokens.issuer}/openid/v1/jwks`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256', 'ES256'],
        });
      case '/openid/v1/jwks': {
        const keys = Buffer.from(JSON.stringify(tokens.jwks()));
        await sendBytes(exchange, 200, keys, 'application/jwk-set+json');
        return true;
      }
      case '/openapi/v2': {
        const accept = header(exchange, 'accept');
        const plain = accept === '' || /\*\/\*|application\/(\*|json)/.test(accept);
        if (!plain) throw notAcceptable(['application/json']);
        const found = documents.get(path, () => openApiV2(kinds, version));
        await sendBytes(exchange, 200, found.bytes, 'application/json', {
          etag: `"${found.hash}"`,
        });
        return true;
      }
      case '/openapi/v3': {
        const paths = openApiV3Paths(kinds).map((p) => [
          p,
          { serverRelativeURL: `/openapi/v3/${p}?hash=${v3(p).hash}` },
        ]);
        return json(exchange, { paths: Object.fromEntries(paths) as object });
      }
      default:
    }
    if (!path.startsWith('/openapi/v3/')) return false;
    const name = path.slice('/openapi/v3/'.length);
    if (!openApiV3Paths(kinds).includes(name)) return false;
    const found = v3(name);
    await sendBytes(exchange, 200, found.bytes, 'application/json', {
      etag: `"${found.hash}"`,
      'cache-control': 'public, immutable',
    });
    return true;
  };
}

function rootPaths(kinds: KindRegistry): string[] {
  const groups = kinds
    .groups()
    .flatMap(({ group, versions }) =>
      group === ''
        ? versions.map((v) => `/api/${v}`)
        : [`/apis/${group}`, ...versions.map((v) => `/apis/${group}/${v}`)],
    );
  const others = '/api /apis /healthz /livez /metrics /openapi/v2 /openapi/v3 /readyz /version';
  return [...groups, ...others.split(' ')].sort();
}
