/** A program on a real pseudo terminal, and what its user sees. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import xterm from '@xterm/headless';

/** Makes the pseudo terminal: part of util-linux. */
const script = 'script';

/** What a user's terminal sets, whoever runs the tests: Node.js shows no colours where CI is set. */
const userTerminal = {
  TERM: 'xterm-256color',
  CI: undefined,
  FORCE_COLOR: undefined,
  NODE_DISABLE_COLORS: undefined,
  NO_COLOR: undefined,
};

/** A terminal with a program on it. */
export class TestTerminal {
  readonly #terminal: xterm.Terminal;
  readonly #child: ChildProcess;
  /** Everything that was written, codes included. */
  written = '';
  /** Resolves to the exit code. */
  readonly ended: Promise<number>;

  constructor(
    command: string,
    options: {
      readonly columns: number;
      readonly rows: number;
      readonly env: Readonly<Record<string, string>>;
    },
  ) {
    const { columns, rows, env } = options;
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    const sized = `stty rows ${rows} cols ${columns}; exec ${command}`;
    this.#child = spawn(script, ['-qfec', sized, '/dev/null'], {
      env: { ...process.env, ...userTerminal, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.written += chunk.toString();
      this.#terminal.write(chunk);
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code) => resolve(code ?? 128));
    });
  }

  /** Returns the lines of the screen, without blanks at their ends. */
  lines(): string[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, n) =>
      (active.getLine(active.viewportY + n)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  /** Lines that are the rest of the one above them: the program wrote more than fits. */
  get wrapped(): number {
    const { active } = this.#terminal.buffer;
    let count = 0;
    for (let n = 0; n < active.length; n++) if (active.getLine(n)?.isWrapped === true) count++;
    return count;
  }

  /** True while the program has taken the whole screen. */
  get isFullScreen(): boolean {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  close(): void {
    this.#child.kill('SIGKILL');
    this.#terminal.dispose();
  }
}
