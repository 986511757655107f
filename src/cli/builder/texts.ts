/** The texts of `-f` and `-k`: files, directories, URLs, standard input, kustomizations. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';

/** A text and what error messages call it. */
export interface SourceText {
  readonly name: string;
  readonly text: string;
}

/** Of standard input, of what a URL answers, of a kustomization, and of a file or all files of a directory. */
const textBytesMax = 64 * 1024 * 1024;
const fetchMsMax = 30_000;
const extensions = new Set(['.yaml', '.yml', '.json']);
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** Reads a value of `-f`. @throws CommandLineError in kubectl's words */
export async function readSource(
  path: string,
  options: { readonly recursive: boolean; readonly input: () => Readable },
): Promise<readonly SourceText[]> {
  if (path === '-')
    return [
      { name: 'STDIN', text: await readText(options.input(), 'unable to read standard input') },
    ];
  if (/^https?:\/\//.test(path)) return [{ name: path, text: await fetchText(path) }];
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw plain(`the path "${path}" does not exist`);
  const files = found.isDirectory() ? await filesBelow(path, options.recursive) : [path];
  if (files.length === 0) {
    throw plain(`error reading [${path}]: recognized file extensions are [.json .yaml .yml]`);
  }
  const texts: SourceText[] = [];
  let left = textBytesMax;
  // One after the other: a directory may have more files than a process may open.
  for (const name of files) {
    const text = await readText(createReadStream(name), `error reading [${name}]`, left);
    left -= Buffer.byteLength(text);
    texts.push({ name, text });
  }
  return texts;
}

/**
 * @param failure what the error message begins with
 * @param bytesMax so much may come
 */
async function readAll(
  stream: Readable,
  failure: string,
  bytesMax = textBytesMax,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer | string>) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      size += bytes.length;
      if (size > bytesMax) throw new RangeError(`it has more than ${textBytesMax} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    throw plain(`${failure}: ${errorMessage(error)}`);
  }
  return Buffer.concat(chunks);
}

async function readText(stream: Readable, failure: string, bytesMax?: number): Promise<string> {
  return (await readAll(stream, failure, bytesMax)).toString('utf8');
}

/** The bytes of one file, or of standard input (`-`), as they are. @throws CommandLineError in kubectl's words */
export async function readBytes(path: string, input: () => Readable): Promise<Buffer> {
  if (path === '-') return readAll(input(), 'unable to read standard input');
  const found = await stat(path).catch((error: unknown) => {
    throw plain(`open ${path}: ${systemWords(error)}`);
  });
  if (found.isDirectory()) throw plain(`read ${path}: is a directory`);
  return readAll(createReadStream(path), `error reading [${path}]`);
}

/** The system's words for an error, as Go prints them. */
function systemWords(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file or directory';
  return code === 'EACCES' ? 'permission denied' : errorMessage(error);
}

async function filesBelow(path: string, recursive: boolean): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  const lists = await Promise.all(
    entries
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(async (entry) => {
        const whole = join(path, entry.name);
        if (entry.isDirectory()) return recursive ? filesBelow(whole, true) : [];
        return extensions.has(extname(entry.name)) ? [whole] : [];
      }),
  );
  return lists.flat();
}

async function fetchText(url: string): Promise<string> {
  let answer: Response;
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(fetchMsMax) });
  } catch (error) {
    const { cause } = error as Error;
    throw plain(`unable to read URL "${url}": ${errorMessage(cause ?? error)}`);
  }
  if (!answer.ok) {
    throw plain(
      `unable to read URL "${url}", server reported ${answer.status} ${answer.statusText}, status code=${answer.status}`,
    );
  }
  if (answer.body === null) return '';
  return readText(Readable.fromWeb(answer.body), `unable to read URL "${url}"`);
}

/** Programs that build a kustomization, in the order in which they are tried. */
const builders: readonly (readonly string[])[] = [
  ['kustomize', 'build'],
  ['kubectl', 'kustomize'],
];

/**
 * Builds a kustomization by the program `kustomize`, else kubectl's own: there is no library for it outside Go.
 * @throws CommandLineError when neither program is there, or what it says when it fails
 */
export async function buildKustomization(directory: string): Promise<SourceText> {
  const { execFile } = await import('node:child_process');
  for (const [program = '', action = ''] of builders) {
    try {
      const { stdout } = await promisify(execFile)(program, [action, directory], {
        maxBuffer: textBytesMax,
      });
      return { name: directory, text: stdout };
    } catch (error) {
      const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
      if (code === 'ENOENT') continue;
      throw plain(stderr.trim().replace(/^[Ee]rror: /, '') || errorMessage(error));
    }
  }
  throw plain(
    '-k needs the program kustomize or kubectl, which build the kustomization; neither is installed here',
  );
}
