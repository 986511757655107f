/** The dashboard as `scripts/pack` has built it: one file, with all that is served and its names. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** One file of the dashboard. */
export interface BuiltFile {
  readonly type: string;
  /** Its name has the hash of its content: browsers keep it. */
  readonly immutable: boolean;
  /** The content, compressed. */
  readonly gzip: Buffer;
  /** A quoted text that is another one when the content is. */
  readonly etag: string;
}

/** By the path below `/ui/`; the page itself has the empty one. */
export type BuiltFiles = ReadonlyMap<string, BuiltFile>;

/** As it stands in the file. */
interface Entry {
  readonly path: string;
  readonly type: string;
  readonly immutable: boolean;
  readonly hash: string;
  readonly gzip: string;
}

/** The place of what was built beside this code. */
export const builtFile = new URL('../../../../dashboard.json', import.meta.url);

/** @throws the system's error where the file is not there: only the compiler has run */
export function readBuiltFiles(file: URL): BuiltFiles {
  const entries = JSON.parse(readFileSync(file, 'utf8')) as readonly Entry[];
  return new Map(
    entries.map(({ path, type, immutable, hash, gzip }) => [
      path,
      { type, immutable, gzip: Buffer.from(gzip, 'base64'), etag: `"${hash}"` },
    ]),
  );
}

/** The content, for the rare client that takes none compressed. */
export function plainContent(file: BuiltFile): Buffer {
  return gunzipSync(file.gzip);
}
