/**
 * `/logs/…`: the files below the node's `/var/log`, for `kubectl get --raw /api/v1/nodes/NAME/proxy/logs/`; directories
 * as lists of links, as Go's file server writes them.
 *
 * Links that lead out of it are refused, unlike kubelet's: who may read a node's logs is not let to its other files.
 */
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DoorResponse } from '../../client/door/answer.js';
import { answer, plainText } from '../../client/door/answer.js';
import type { Held } from '../../lib/safe-files/index.js';
import { codeOf, HeldDirectory, openInside, SafeFileError } from '../../lib/safe-files/index.js';

/** The path under which the files are. */
export const logsPath = '/logs';

/** Where a node keeps its logs. */
export const nodeLogDir = '/var/log';

/** Entries of a directory that are shown. */
const entriesMax = 10_000;

/** What HTML does not take as it is, in Go's words. */
const inHtml: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

/** A request for one file or directory. */
export interface LogRequest {
  /** The directory that holds the logs. */
  readonly root: string;
  /** The request's path, `/logs/` and what follows, as it was sent. */
  readonly path: string;
  readonly method: string;
}

/** Answers a request for a path below {@link logsPath}. */
export async function serveNodeLog(
  { root, path, method }: LogRequest,
  response: DoorResponse,
): Promise<void> {
  if (method !== 'GET') return answer(response, 405, plainText, '405: Method Not Allowed');
  try {
    const wanted = decodeURIComponent(path.slice(logsPath.length + 1));
    const directory = await HeldDirectory.open(root);
    try {
      const found = await openInside(directory, wanted, { links: 'refuse-outside' });
      try {
        await serveFound(found, wanted, response);
      } finally {
        await found.close();
      }
    } finally {
      await directory.close();
    }
  } catch (error) {
    const [status, text] = refusalOf(error);
    if (response.headersSent) throw error;
    answer(response, status, plainText, `${status} ${text}\n`);
  }
}

async function serveFound(found: Held, wanted: string, response: DoorResponse): Promise<void> {
  const state = await found.stat();
  if (state.isDirectory()) {
    const isList = wanted === '' || wanted.endsWith('/');
    if (isList) return answer(response, 200, 'text/html; charset=utf-8', await listOf(found));
    // Links in the list are relative to the directory.
    response.writeHead(301, { location: `${encodeURIComponent(wanted.split('/').at(-1) ?? '')}/` });
    response.end();
    return;
  }
  if (!state.isFile()) throw new SafeFileError('NOT_A_FILE', 'it is not a regular file');
  const file = await open(found.path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size, mtime } = await file.stat();
    response.writeHead(200, {
      'content-type': plainText,
      'content-length': size,
      'last-modified': mtime.toUTCString(),
      'x-content-type-options': 'nosniff',
    });
    // What is written meanwhile is not part of the answer.
    const content =
      size === 0 ? [] : file.createReadStream({ start: 0, end: size - 1, autoClose: false });
    await pipeline(Readable.from(content, { objectMode: false }), response);
  } finally {
    await file.close();
  }
}

async function listOf(directory: Held): Promise<string> {
  const entries = await readdir(directory.path, { withFileTypes: true });
  const names = entries
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort()
    .slice(0, entriesMax);
  const lines = names.map((name) => {
    const link = name.split('/').map(encodeURIComponent).join('/');
    const text = name.replaceAll(/[&<>"']/g, (char) => inHtml[char] ?? char);
    return `<a href="${link}">${text}</a>\n`;
  });
  const head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n';
  return `${head}<pre>\n${lines.join('')}</pre>\n`;
}

function refusalOf(error: unknown): readonly [status: number, text: string] {
  const code = codeOf(error);
  const isMissing = code === 'NOT_FOUND' || code === 'ENOENT' || code === 'NOT_A_DIRECTORY';
  if (isMissing || error instanceof URIError) return [404, 'page not found'];
  if (error instanceof SafeFileError || code === 'EACCES') return [403, 'Forbidden'];
  return [500, 'Internal Server Error'];
}
