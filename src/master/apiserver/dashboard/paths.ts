/**
 * `/ui/`: the dashboard's files. They are the same for everybody and hold nothing of the cluster, so nobody is asked
 * who he is; what the dashboard shows, it gets from the API with its user's own token. Only what the table of built
 * files names is served.
 */
import type { Exchange, HeaderMap } from '../rest/exchange.js';
import { header } from '../rest/exchange.js';
import type { PathHandler } from '../rest/pipeline.js';
import { sendBytes } from '../rest/respond.js';
import type { BuiltFile, BuiltFiles } from './built-files.js';
import { plainContent } from './built-files.js';

/**
 * Scripts and styles come from this server's files alone, and so does all that is fetched; no other page may show this
 * one in a frame; nothing of it is sent to other sites.
 */
export const securityHeaders: HeaderMap = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** Serves `/ui` and what is below it, to everybody. */
export function dashboardPaths(files: BuiltFiles): PathHandler {
  return async (exchange) => {
    const { path } = exchange.info;
    if (path !== '/ui' && !path.startsWith('/ui/')) return false;
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
      await sendText(exchange, 405, 'method not allowed', { allow: 'GET, HEAD' });
      return true;
    }
    if (path === '/ui') {
      await sendText(exchange, 301, 'moved to /ui/', { location: '/ui/' });
      return true;
    }
    const file = files.get(path.slice('/ui/'.length));
    if (file === undefined) await sendText(exchange, 404, '404 page not found', {});
    else await sendFile(exchange, file);
    return true;
  };
}

async function sendFile(exchange: Exchange, file: BuiltFile): Promise<void> {
  const headers: HeaderMap = {
    ...securityHeaders,
    'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag: file.etag,
    vary: 'Accept-Encoding',
  };
  if (isKnown(header(exchange, 'if-none-match'), file.etag)) {
    exchange.response.writeHead(304, headers as Record<string, string>);
    exchange.response.end();
    return;
  }
  if (header(exchange, 'accept-encoding').includes('gzip')) {
    const coded = { ...headers, 'content-encoding': 'gzip' };
    await sendBytes(exchange, 200, file.gzip, file.type, coded, 'as it is');
    return;
  }
  await sendBytes(exchange, 200, plainContent(file), file.type, headers, 'as it is');
}

/** By RFC 9110, 13.1.2: any of the list, weak or not. */
function isKnown(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === etag || tag === '*');
}

function sendText(
  exchange: Exchange,
  code: number,
  text: string,
  headers: HeaderMap,
): Promise<void> {
  const all = { ...securityHeaders, 'cache-control': 'no-cache', ...headers };
  return sendBytes(exchange, code, Buffer.from(`${text}\n`), 'text/plain; charset=utf-8', all);
}
