/** A terminal whose other end is a command in a container. */
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { readFrame, resizeFrame, stdinFrame } from '../../model/exec-frames.js';
import { adoptStyles, withStandIns } from './adopt-styles.js';

/** Bytes that may wait to be drawn: a command that writes faster waits. Beyond it, its shell is closed. */
const waitingMax = 8 * 1024 * 1024;
/** Lines above the screen. */
const scrollback = 2_000;

/** Where the terminal is, and whom it tells. */
export interface TerminalOptions {
  readonly box: HTMLElement;
  readonly socket: WebSocket;
  /** What it shows is put into words for screen readers too. */
  readonly isSpoken: boolean;
  readonly end: (text: string) => void;
  /** The focus is to go elsewhere. */
  readonly leave: () => void;
}

/** Opens a terminal. @returns what closes the connection; what was shown stays until the page goes */
export function openTerminal({ box, socket, isSpoken, end, leave }: TerminalOptions): () => void {
  const terminal = new Terminal({
    scrollback,
    screenReaderMode: isSpoken,
    fontFamily: "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
    fontSize: 14,
    theme: { background: '#0d1117', foreground: '#e6edf3' },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  const styles = adoptStyles(box);
  withStandIns(() => terminal.open(box));
  fit.fit();
  terminal.attachCustomKeyEventHandler((event) => {
    const isLeaving = event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'e';
    if (!isLeaving) return true;
    event.preventDefault();
    if (event.type === 'keydown') leave();
    return false;
  });
  const send = (frame: Uint8Array<ArrayBuffer>): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(frame);
  };
  terminal.onData((text) => send(stdinFrame(text)));
  terminal.onResize(({ cols, rows }) => send(resizeFrame(cols, rows)));
  const sizes = new ResizeObserver(() => fit.fit());
  sizes.observe(box);
  const over = (text: string): void => {
    sizes.disconnect();
    terminal.options.disableStdin = true;
    end(text);
  };
  listen(socket, terminal, over);
  return () => {
    socket.close();
    sizes.disconnect();
    styles();
  };
}

function listen(socket: WebSocket, terminal: Terminal, over: (text: string) => void): void {
  let waiting = 0;
  let ended: string | undefined;
  socket.addEventListener('open', () => {
    socket.send(resizeFrame(terminal.cols, terminal.rows));
    terminal.focus();
  });
  socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => {
    const message = readFrame(data);
    if (message.kind === 'ended') ended = message.text;
    if (message.kind !== 'output') return;
    const { length } = message.bytes;
    waiting += length;
    if (waiting > waitingMax) {
      ended = 'The command writes faster than this page can show: its shell was closed.';
      socket.close();
      return;
    }
    terminal.write(message.bytes, () => {
      waiting -= length;
    });
  });
  socket.addEventListener('close', ({ code, reason }) => {
    const why = reason === '' ? '' : `: ${reason}`;
    const lost =
      code === 1006
        ? 'The connection was refused or lost: roles may not allow exec, or no shell is there.'
        : `The connection was closed${why}.`;
    over(ended ?? lost);
  });
}
