/** Imports the archives of a directory, each once. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../lib/files/write-whole.js';
import type { Logger } from '../../lib/log.js';
import type { ContainerRuntime } from '../../runtime/types.js';

interface Imported {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly references: readonly string[];
}

/** The archives to import, and the runtime that takes them. */
export interface ImportOptions {
  readonly runtime: ContainerRuntime;
  /** The directory of the `*.tar` files; a missing one counts as empty. */
  readonly directory: string;
  /** The file that records which archives were imported. */
  readonly recordPath: string;
  readonly log: Logger;
  /** Receives the references of imported images. */
  readonly imported: Set<string>;
}

/** An archive that cannot be imported is logged and tried again at the next start. */
export async function importImages(options: ImportOptions): Promise<void> {
  const { runtime, directory, recordPath, log, imported } = options;
  const files = await readdir(directory).catch(() => []);
  const before = await readRecord(recordPath);
  const after: Record<string, Imported> = {};
  for (const file of files.filter((name) => name.endsWith('.tar')).toSorted()) {
    const path = join(directory, file);
    const { size: sizeBytes, mtimeMs: modifiedMs } = await stat(path);
    const known = before[file];
    const same = known?.sizeBytes === sizeBytes && known.modifiedMs === modifiedMs;
    if (same && (await areHere(runtime, known.references))) {
      after[file] = known;
    } else {
      try {
        const references = await runtime.importImages(path);
        after[file] = { sizeBytes, modifiedMs, references };
        log.info({ file, references }, 'imported images');
      } catch (error) {
        log.warn({ error, file }, 'an image archive could not be imported');
      }
    }
    for (const reference of after[file]?.references ?? []) imported.add(reference);
  }
  try {
    await writeWhole(recordPath, JSON.stringify(after));
  } catch (error) {
    // As on a full disk, which the agent must come up on to make room.
    log.warn({ error }, 'imported images could not be recorded; they are imported again');
  }
}

async function areHere(runtime: ContainerRuntime, references: readonly string[]): Promise<boolean> {
  const found = await Promise.all(references.map((reference) => runtime.imageStatus(reference)));
  return found.every((info) => info !== undefined);
}

async function readRecord(path: string): Promise<Readonly<Record<string, Imported>>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, Imported>;
  } catch {
    // Not there yet, or damaged: everything is imported again, which changes nothing.
    return {};
  }
}
