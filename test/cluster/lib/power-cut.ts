/**
 * Makes a content that a disk may have after its power fails at some moment of a trace: all that a finished sync
 * covers, and of the rest nothing, everything, or any part: of each write any sectors, and of the changes of names the
 * first few, in order, as journals keep them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assertNever } from '../../../src/lib/assert.js';
import type { Prng } from '../../../src/lib/prng.js';
import type { DiskEvent } from './disk-trace.js';

const sectorBytes = 512;

type NameChange = 'open' | 'remove' | 'rename';
type Change = Extract<DiskEvent, { kind: 'write' | 'truncate' }>;
type Renaming = Extract<DiskEvent, { kind: NameChange }>;

interface Kept<T> {
  readonly event: T;
  durable: boolean;
}

interface DiskFile {
  readonly changes: Kept<Change>[];
}

/** When, and what becomes of what was not synced. */
export interface PowerCut {
  readonly atUs: number;
  readonly unsynced: 'lost' | 'kept' | 'any';
  readonly prng: Prng;
  /** Syncs of these paths did nothing: a disk that lies. */
  readonly liesAbout?: (path: string) => boolean;
}

/** Makes the directory as it is after the cut. @param root the traced one, which `target` stands for */
export function rebuild(
  events: readonly DiskEvent[],
  cut: PowerCut,
  paths: { readonly root: string; readonly target: string },
): void {
  const { files, renamings } = replay(events, cut);
  const names = new Map<string, DiskFile>();
  for (const { event } of renamings.slice(0, survivors(renamings, cut))) {
    const { kind, path } = event;
    if (kind === 'open') names.set(path, files.get(event) ?? { changes: [] });
    else {
      const file = names.get(path);
      names.delete(path);
      if (kind === 'rename' && file !== undefined) names.set(event.to, file);
    }
  }
  const here = (path: string): string => join(paths.target, path.slice(paths.root.length));
  // Directories are made once, in the beginning; that they are there is not in question.
  for (const { kind, path } of events) {
    if (kind === 'makeDirectory') mkdirSync(here(path), { recursive: true });
  }
  for (const [path, file] of names) {
    // Shared memory of SQLite, which does not outlive the machine.
    if (path.endsWith('-shm')) continue;
    writeFileSync(here(path), contentOf(file, cut));
  }
}

/** Files by the call that made them, and all changes of names, each with whether it is durable. */
function replay(
  events: readonly DiskEvent[],
  { atUs, liesAbout }: PowerCut,
): { readonly files: Map<Renaming, DiskFile>; readonly renamings: readonly Kept<Renaming>[] } {
  const files = new Map<Renaming, DiskFile>();
  const names = new Map<string, DiskFile>();
  const renamings: Kept<Renaming>[] = [];
  for (const event of events) {
    if (event.startUs > atUs) break;
    const file = names.get(event.path);
    switch (event.kind) {
      case 'write':
      case 'truncate':
        file?.changes.push({ event, durable: false });
        break;
      case 'sync': {
        if (event.endUs > atUs || liesAbout?.(event.path) === true) break;
        const covered = file?.changes ?? renamings.filter((one) => isIn(event.path, one.event));
        for (const one of covered) if (one.event.endUs <= event.startUs) one.durable = true;
        break;
      }
      case 'makeDirectory':
        break;
      case 'open': {
        if (file !== undefined) break;
        const made: DiskFile = { changes: [] };
        files.set(event, made);
        names.set(event.path, made);
        renamings.push({ event, durable: false });
        break;
      }
      case 'remove':
      case 'rename':
        names.delete(event.path);
        if (event.kind === 'rename' && file !== undefined) names.set(event.to, file);
        renamings.push({ event, durable: false });
        break;
      default:
        assertNever(event);
    }
  }
  return { files, renamings };
}

function isIn(directory: string, event: Renaming): boolean {
  return dirname(event.path) === directory;
}

/** Draws how many of the changes of names survive. */
function survivors(renamings: readonly Kept<Renaming>[], { unsynced, prng }: PowerCut): number {
  const least = renamings.findLastIndex(({ durable }) => durable) + 1;
  if (unsynced === 'lost') return least;
  return unsynced === 'kept' ? renamings.length : prng.between(least, renamings.length);
}

function contentOf(file: DiskFile, { unsynced, prng }: PowerCut): Buffer {
  const ends = file.changes.map(({ event }) =>
    event.kind === 'truncate' ? event.size : event.position + event.bytes.length,
  );
  const content = Buffer.alloc(Math.max(0, ...ends));
  let size = 0;
  for (const { event, durable } of file.changes) {
    const whole = durable || unsynced === 'kept';
    if (!whole && (unsynced === 'lost' || prng.below(2) === 0)) continue;
    if (event.kind === 'truncate') {
      content.fill(0, event.size);
      size = event.size;
      continue;
    }
    const { position, bytes } = event;
    size = Math.max(size, position + bytes.length);
    const torn = !whole && prng.below(3) === 0;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + sectorBytes - ((position + at) % sectorBytes));
      if (!torn || prng.below(2) === 0) bytes.copy(content, position + at, at, end);
      at = end;
    }
  }
  return content.subarray(0, size);
}
