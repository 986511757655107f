import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EditedFile } from './edited-file.js';

let scratch: string;
let raised: string[];
let program: EventEmitter;
let file: EditedFile;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'edited-file-'));
  raised = [];
  program = new EventEmitter();
  file = new EditedFile('web.yaml', {
    on: (signal, run) => program.on(signal, run),
    off: (signal, run) => program.off(signal, run),
    raise: (signal) => raised.push(signal),
  });
});

afterEach(() => {
  file.close();
  rmSync(scratch, { recursive: true });
  expect(program.eventNames()).toEqual([]);
});

/** An editor, as a program of the shell: `$1` is the file. */
function editor(body: string): string {
  const path = join(scratch, 'an editor');
  writeFileSync(path, body);
  return `sh '${path}'`;
}

test('what the editor saves is read; the file is for this user alone, and gone in the end', async () => {
  const look = `stat -c %a "$1" "$(dirname "$1")" >'${scratch}/modes'; printf new >"$1"`;
  expect(await file.edit(editor(look), 'old')).toBe('new');
  expect(readFileSync(join(scratch, 'modes'), 'utf8')).toBe('600\n700\n');
  expect(file.path).toMatch(/\/trireme-edit-[^/]+\/web\.yaml$/);
  file.close();
  expect(existsSync(dirname(file.path))).toBe(false);
});

test('an editor may have arguments', async () => {
  const words = `${editor('printf %s "$1 of $#" >"$2"')} one`;
  expect(await file.edit(words, 'old')).toBe('one of 2');
});

test('a kept file stays', async () => {
  await file.edit('true', 'text');
  file.keep();
  file.close();
  expect(readFileSync(file.path, 'utf8')).toBe('text');
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
  rmSync(dirname(file.path), { recursive: true });
});

test.each([
  ['no-such-editor', 'unable to launch the editor "no-such-editor"'],
  ['false', 'there was a problem with the editor "false"'],
  ['kill -9 $$;', 'there was a problem with the editor "kill -9 $$;"'],
])('the editor %s fails in kubectl’s words', async (words, message) => {
  await expect(file.edit(words, '')).rejects.toThrow(
    expect.objectContaining({ message, plain: true }),
  );
});

/** An editor that says that it is there, and waits. */
async function openEditor(): Promise<{ readonly edited: Promise<unknown> }> {
  const ready = join(scratch, 'ready');
  // A pipe opens for reading once it is open for writing.
  const body = `mkfifo '${scratch}/never'; : >'${ready}'; exec cat '${scratch}/never'`;
  const edited = file.edit(`exec ${editor(body)}`, 'secret').catch((error: unknown) => error);
  while (!existsSync(ready)) await new Promise((resolve) => setImmediate(resolve));
  return { edited };
}

test.each([
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends the editor and deletes the file, and then acts', async (signal, code) => {
  const { edited } = await openEditor();
  program.emit(signal, signal);
  expect(await edited).toMatchObject({ name: 'Exit', code });
  expect(existsSync(dirname(file.path))).toBe(false);
  expect(raised).toEqual([signal]);
});

test('an interrupt while the editor runs is the editor’s', async () => {
  const { edited } = await openEditor();
  program.emit('SIGINT', 'SIGINT');
  expect(raised).toEqual([]);
  expect(existsSync(file.path)).toBe(true);
  program.emit('SIGTERM', 'SIGTERM');
  await edited;
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s between two edits deletes the file', (signal) => {
  program.emit(signal, signal);
  expect(existsSync(dirname(file.path))).toBe(false);
  expect(raised).toEqual([signal]);
});
