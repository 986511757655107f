/**
 * Checks the names and sizes of a volume's files, which come from objects that users write. Pure.
 * @see kubelet pkg/volume/util/atomic_writer.go validatePath
 */
import { createHash } from 'node:crypto';
import { volumeLimits } from './limits.js';
import type { VolumeFile } from './volume-file.js';
import { VolumeError } from './volume-error.js';

/**
 * The files to write: of two with one path the later one, as kubelet's map of them has it.
 * @throws VolumeError for a path that would leave the volume or hide its links, and for too much content
 */
export function checkedPayload(files: readonly VolumeFile[]): VolumeFile[] {
  const byPath = new Map<string, VolumeFile>();
  let bytes = 0;
  for (const file of files) {
    const path = checkedPath(file.path);
    bytes += file.data.length;
    byPath.set(path, { ...file, path });
  }
  const { payloadBytesMax, payloadFilesMax } = volumeLimits;
  if (bytes > payloadBytesMax) {
    throw new VolumeError(`the volume's content is larger than ${payloadBytesMax} bytes`);
  }
  if (byPath.size > payloadFilesMax) {
    throw new VolumeError(`the volume has more than ${payloadFilesMax} files`);
  }
  return [...byPath.values()];
}

/** The same for the same files in the same order. */
export function payloadHash(files: readonly VolumeFile[]): string {
  const hash = createHash('sha256');
  for (const { path, data, mode, userId = -1 } of files) {
    hash.update(JSON.stringify([path, data.length, mode, userId])).update(data);
  }
  return hash.digest('base64');
}

/** @returns the path without empty components */
function checkedPath(path: string): string {
  if (path === '')
    throw new VolumeError(`invalid path: must not be empty: ${JSON.stringify(path)}`);
  if (path.startsWith('/')) throw new VolumeError(`invalid path: must be relative path: ${path}`);
  if (Buffer.byteLength(path) > volumeLimits.pathBytesMax) {
    throw new VolumeError(
      `invalid path: must be less than or equal to ${volumeLimits.pathBytesMax} characters`,
    );
  }
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw new VolumeError(`invalid path: must not contain '..': ${path}`);
  if (names[0]?.startsWith('..') === true) {
    throw new VolumeError(`invalid path: must not start with '..': ${path}`);
  }
  if (names.length === 0 || path.includes('\0')) throw new VolumeError('invalid path');
  if (names.some((name) => Buffer.byteLength(name) > volumeLimits.nameBytesMax)) {
    throw new VolumeError(
      `invalid path: filename must be less than or equal to ${volumeLimits.nameBytesMax} characters`,
    );
  }
  return names.join('/');
}
