import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import { defineScalarTag, dump, DUMP_SCHEMA, intCoreTag } from 'js-yaml';
import { protobufDocument, protobufType } from '../content/protobuf-answers.js';
import { gzipFromBytes } from '../limits.js';
import type { StatusError } from '../status.js';
import { internal, isStatusError, tooManyText } from '../status.js';
import type { Exchange, HeaderMap } from './exchange.js';
import { end, header, writeHead } from './exchange.js';
import type { Format } from './negotiate.js';
import { negotiate } from './negotiate.js';
import { formatJson, parseJson } from '../../../lib/json.js';

const compress = promisify(gzip);

/** Whole numbers, those that are bigints too. */
const integers = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  identify: (value) => typeof value === 'bigint' || intCoreTag.identify(value),
  represent: String,
  resolve: intCoreTag.resolve,
});

/** As sigs.k8s.io/yaml writes: keys in order, list items at their parent's column, lines as long as they are. */
const yamlStyle = {
  sortKeys: true,
  seqNoIndent: true,
  lineWidth: -1,
  quoteStyle: 'double',
  schema: DUMP_SCHEMA.withTags(integers),
} as const;

/** Tools whose users read the answer on a screen (apiserver's `isPrettyPrint`). */
const readersAgents = /^(curl|Wget|Mozilla\/5\.0)/;

function wantsPretty(exchange: Exchange): boolean {
  const asked = exchange.query.get('pretty');
  if (asked !== null) return asked !== 'false' && asked !== '0';
  return readersAgents.test(header(exchange, 'user-agent'));
}

/** Characters of all warnings of an answer, beyond which each is cut and the last ones are left out (apiserver's). */
const maxWarningCharacters = 4 * 1024;
const cutWarningCharacters = 256;

/** The distinct warnings that an answer has room for. */
function fittingWarnings(warnings: readonly string[]): string[] {
  const all = [...new Set(warnings)];
  if (all.reduce((sum, text) => sum + text.length, 0) <= maxWarningCharacters) return all;
  const cut = all.map((text) => text.slice(0, cutWarningCharacters));
  let left = maxWarningCharacters;
  return cut.filter((text) => (left -= text.length) >= 0);
}

/** `299 - "text"` for each distinct warning. */
function warningHeaders(warnings: readonly string[]): HeaderMap {
  if (warnings.length === 0) return {};
  const lines = fittingWarnings(warnings).map((text) => {
    const plain = text.replace(/[\r\n]+/g, ' ').replace(/[\\"]/g, (match) => `\\${match}`);
    return `299 - "${plain}"`;
  });
  return { warning: lines };
}

/** Warnings, and the level by which the request was let in. */
export function noteHeaders({
  warnings,
  notes,
}: {
  readonly warnings: readonly string[];
  readonly notes: Exchange['notes'];
}): HeaderMap {
  const { flow } = notes;
  if (flow === undefined) return warningHeaders(warnings);
  return {
    'x-kubernetes-pf-flowschema-uid': flow.schema.uid,
    'x-kubernetes-pf-prioritylevel-uid': flow.level.uid,
    ...warningHeaders(warnings),
  };
}

/** Sends JSON text in the wanted format. */
export async function sendJson(
  exchange: Exchange,
  code: number,
  json: Buffer,
  format: Format,
): Promise<void> {
  let body = json;
  let type = 'application/json';
  if (format.type === 'protobuf') {
    type = protobufType;
    body = protobufDocument(json);
  } else if (format.type === 'yaml') {
    type = 'application/yaml';
    body = Buffer.from(dump(parseJson(json.toString()), yamlStyle));
  } else if (wantsPretty(exchange)) {
    body = Buffer.from(`${formatJson(parseJson(json.toString()), 2)}\n`);
  }
  await sendBytes(exchange, code, body, type);
}

/**
 * Sends bytes, compressed when they are long and the client can take it.
 * @param coding `as it is`: the headers say how the bytes are coded, or that they are not to be
 */
export async function sendBytes(
  exchange: Exchange,
  code: number,
  bytes: Buffer,
  type: string,
  headers: HeaderMap = {},
  coding: 'as it is' | 'by length' = 'by length',
): Promise<void> {
  const { response } = exchange;
  if (response.writableEnded || response.headersSent) return;
  let body = bytes;
  const all: HeaderMap = {
    'cache-control': 'no-cache, private',
    'content-type': type,
    ...headers,
    ...noteHeaders(exchange),
  };
  const isLong = coding === 'by length' && body.length >= gzipFromBytes;
  if (isLong && header(exchange, 'accept-encoding').includes('gzip')) {
    body = await compress(bytes, { level: 1 });
    all['content-encoding'] = 'gzip';
    all['vary'] = 'Accept-Encoding';
  }
  all['content-length'] = body.length;
  writeHead(response, code, all);
  end(response, exchange.method === 'HEAD' ? undefined : body);
}

/** Sends an error as a Status, or ends a connection on which an answer has begun. */
export async function sendError(exchange: Exchange, error: unknown): Promise<void> {
  const { response } = exchange;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const failed: StatusError = isStatusError(error) ? error : internal(String(error));
  let format: Format = { type: 'json', as: undefined, asVersion: '' };
  try {
    const accept = header(exchange, 'accept').replace(/;\s*stream=watch/g, '');
    format = negotiate(accept, { protobuf: true });
  } catch {
    // An error about the Accept header itself is sent as JSON.
  }
  const retry = failed.status.details?.retryAfterSeconds;
  if (retry !== undefined) response.setHeader('retry-after', String(retry));
  if (!failed.isSniffed) response.setHeader('x-content-type-options', 'nosniff');
  if (failed.message === tooManyText) {
    await sendBytes(exchange, failed.code, Buffer.from(`${tooManyText}\n`), 'text/plain');
    return;
  }
  await sendJson(exchange, failed.code, Buffer.from(JSON.stringify(failed.status)), format);
}
