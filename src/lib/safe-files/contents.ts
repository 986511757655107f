/** Reads bounded parts of regular files: nothing that blocks, nothing that grows memory. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Held } from './held.js';
import { SafeFileError } from './errors.js';

/** A part of a file, and how large the whole was. */
export interface FilePart {
  readonly data: Buffer;
  readonly fileBytes: number;
}

/** @throws SafeFileError NOT_A_FILE for FIFOs, devices, directories, links */
export function readStart(file: Held, bytesMax: number): Promise<FilePart> {
  return readPart(file, bytesMax, () => 0);
}

/** The last bytes. @throws SafeFileError NOT_A_FILE */
export function readEnd(file: Held, bytesMax: number): Promise<FilePart> {
  return readPart(file, bytesMax, (size) => Math.max(0, size - bytesMax));
}

async function readPart(
  held: Held,
  bytesMax: number,
  startOf: (size: number) => number,
): Promise<FilePart> {
  if (!(await held.stat()).isFile()) {
    throw new SafeFileError('NOT_A_FILE', 'it is not a regular file');
  }
  const file = await open(held.path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat();
    const start = startOf(size);
    const buffer = Buffer.alloc(Math.min(bytesMax, size - start));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, start + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { data: buffer.subarray(0, length), fileBytes: size };
  } finally {
    await file.close();
  }
}
