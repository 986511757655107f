import type { Sender } from '../../lib/grpc/index.js';
import type { Session } from '../../lib/session.js';
import type { ExecResult, ExecSession, TerminalSize } from '../../runtime/types.js';

/**
 * Links a caller to a session of the runtime: the slower side holds the other back, and the end of one ends the other.
 * The {@link Session} that is handed in owns everything that can fail meanwhile.
 */
export class RuntimeLink<Out> {
  readonly #session: Session;
  readonly #stream: Sender<Out>;
  #command: ExecSession | undefined;
  #held = false;
  #release: (() => void) | undefined;

  constructor(session: Session, stream: Sender<Out>) {
    this.#session = session;
    this.#stream = stream;
  }

  /** Opens the runtime's side. @param open is given what it calls when more may be written */
  async open(open: (drain: () => void) => Promise<ExecSession>): Promise<void> {
    const command = await open(() => this.#release?.());
    this.#command = command;
    // At once if the caller has gone meanwhile.
    this.#session.onEnd(async () => {
      command.close();
      await command.done;
    });
  }

  /** Sends to the caller. @returns false when the runtime is to hold its output, which goes on by itself */
  send(message: Out): boolean {
    this.#session.moved();
    if (this.#session.over || this.#stream.send(message)) return true;
    if (!this.#held) this.#session.run(() => this.#resumeLater());
    return false;
  }

  async #resumeLater(): Promise<void> {
    this.#held = true;
    await this.#session.until(this.#stream.drained());
    this.#held = false;
    this.#command?.resume();
  }

  /** Writes to the command and waits until it takes more. */
  async write(data: Uint8Array): Promise<void> {
    this.#session.moved();
    await this.#taken(this.#command?.write(data));
  }

  /** Sets the size of the command's terminal, and waits until it takes more. */
  async resize(size: TerminalSize): Promise<void> {
    await this.#taken(this.#command?.resize(size));
  }

  async #taken(more: boolean | undefined): Promise<void> {
    if (more !== false || this.#session.over) return;
    const drained = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    await this.#session.until(drained);
  }

  /**
   * Hands the caller's messages to the command until the caller has sent its last, which closes the command's input.
   */
  async feed<In>(
    input: AsyncIterator<In>,
    take: (command: ExecSession, message: In) => Promise<void>,
  ): Promise<void> {
    const command = this.#command;
    if (command === undefined) return;
    for (;;) {
      const next = await this.#session.until(input.next());
      if (next === undefined) break;
      if (next.done === true) {
        command.closeStdin();
        return;
      }
      await take(command, next.value);
    }
    // The caller may keep its half open for as long as it likes: nobody reads it any more.
    await input.return?.();
  }

  /** Ends the command. */
  close(): void {
    this.#command?.close();
  }

  /** Resolves with the command's result; undefined when the session ended first. */
  async done(): Promise<ExecResult | undefined> {
    return this.#command === undefined ? undefined : this.#session.until(this.#command.done);
  }
}
