import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandLineError, Exit } from '../command/command-line-error.js';

/** The signals that end a program; a terminal that is closed sends SIGHUP. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type EndingSignal = (typeof signals)[number];

/** The part of `process` by which a signal is told, and acts once we have cleaned up. */
export interface SignalSource {
  readonly on: (signal: EndingSignal, run: (signal: EndingSignal) => void) => unknown;
  readonly off: (signal: EndingSignal, run: (signal: EndingSignal) => void) => unknown;
  readonly raise: (signal: EndingSignal) => void;
}

const ownSignals: SignalSource = {
  on: (signal, run) => process.on(signal, run),
  off: (signal, run) => process.off(signal, run),
  raise: (signal) => process.kill(process.pid, signal),
};

/**
 * The file that a user edits, in a directory of its own that only this user reads: it may hold a Secret. It is deleted
 * by `close`, and when a signal ends the program.
 */
export class EditedFile {
  readonly path: string;
  readonly #directory: string;
  readonly #signals: SignalSource;
  readonly #onSignal = (signal: EndingSignal): void => this.#interrupt(signal);
  #editor: { kill: (signal: EndingSignal) => unknown } | undefined;
  #signal: EndingSignal | undefined;
  #isKept = false;

  /** @param name of the file */
  constructor(name: string, source: SignalSource = ownSignals) {
    this.#directory = mkdtempSync(join(tmpdir(), 'trireme-edit-'));
    this.path = join(this.#directory, name);
    this.#signals = source;
    for (const signal of signals) source.on(signal, this.#onSignal);
  }

  /**
   * Lets the user edit a text. @returns what was saved
   * @throws CommandLineError in kubectl's words when the editor fails
   */
  async edit(editor: string, text: string): Promise<string> {
    writeFileSync(this.path, text, { mode: 0o600 });
    // The editor may have arguments, and is run by a shell as kubectl does.
    const child = spawn('/bin/sh', ['-c', `${editor} "$0"`, this.path], {
      stdio: 'inherit',
      env: process.env,
    });
    this.#editor = child;
    const [status] = (await once(child, 'close')) as [number | null];
    this.#editor = undefined;
    if (this.#signal !== undefined) {
      this.close();
      this.#signals.raise(this.#signal);
      throw new Exit(128 + constants.signals[this.#signal]);
    }
    if (status === 0) return readFileSync(this.path, 'utf8');
    const what = status === 127 ? 'unable to launch' : 'there was a problem with';
    throw new CommandLineError(`${what} the editor "${editor}"`, { plain: true });
  }

  /** True for a file that `close` leaves there. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Leaves the file there for the user. */
  keep(): void {
    this.#isKept = true;
  }

  close(): void {
    for (const signal of signals) this.#signals.off(signal, this.#onSignal);
    if (!this.#isKept) rmSync(this.#directory, { recursive: true, force: true });
  }

  #interrupt(signal: EndingSignal): void {
    if (this.#editor === undefined) {
      this.close();
      this.#signals.raise(signal);
    } else if (signal !== 'SIGINT') {
      // An interrupt comes from the terminal, and so to the editor as well: it is the editor's to take.
      this.#signal = signal;
      this.#editor.kill(signal);
    }
  }
}
