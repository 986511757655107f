import type { KubeObject } from '../api/object.js';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { UsageError } from '../lib/usage-error.js';

const extensions = new Set(['.yaml', '.yml', '.json']);

/** The objects of files, directories (not below them), or `-` for standard input; `List`s are opened. */
export async function readManifests(paths: readonly string[]): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const path of paths) {
    for (const { name, text } of await readTexts(path)) objects.push(...parseObjects(name, text));
  }
  return objects;
}

async function readTexts(path: string): Promise<{ name: string; text: string }[]> {
  if (path === '-') {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return [{ name: 'standard input', text: Buffer.concat(chunks).toString('utf8') }];
  }
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new UsageError(`the path "${path}" does not exist`);
  if (!found.isDirectory()) return [{ name: path, text: await readFile(path, 'utf8') }];
  const names = (await readdir(path)).filter((name) => extensions.has(extname(name))).toSorted();
  return Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(path, name), 'utf8') })),
  );
}

function parseObjects(name: string, text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      throw new UsageError(`error parsing ${name}: ${error.message}`);
    }
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    const object = value as KubeObject & { items?: KubeObject[] };
    if (object.kind?.endsWith('List') === true && Array.isArray(object.items)) return object.items;
    if (object.kind === undefined || object.apiVersion === undefined) {
      throw new UsageError(`${name}: every object needs apiVersion and kind`);
    }
    return [object];
  });
}
