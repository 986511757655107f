/**
 * The terminal as a screen of lines. Its codes are those of ansi-escapes, its colours those of picocolors; this file is
 * loaded only when there is a terminal to write to.
 */
import ansiEscapes from 'ansi-escapes';
import colours from 'picocolors';
import { colourPalette, plainPalette } from './style.js';
import type { Palette } from './style.js';

/** A terminal that is taken over, and given back. */
export interface Screen {
  readonly palette: Palette;
  readonly columns: number;
  readonly rows: number;
  /** Shows these lines, none of which may be wider than the screen; only those that changed are written. */
  draw(lines: readonly string[]): void;
  /** Calls back for each key: by its character, or `interrupt`. */
  onKey(listener: (key: string) => void): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** Chooses the palette of a terminal: NO_COLOR, FORCE_COLOR, TERM and its capabilities decide about colours. */
export function paletteOf(output: NodeJS.WriteStream): Palette {
  const hasColours = output.isTTY && output.hasColors();
  return hasColours ? colourPalette(colours.createColors(true)) : plainPalette;
}

/** Takes the terminal over: a screen of its own, no cursor, keys one by one. */
export function openScreen(output: NodeJS.WriteStream, input: NodeJS.ReadStream): Screen {
  const hasKeys = input.isTTY;
  const wasRaw = input.isRaw;
  let isOpen = true;
  let shown: readonly string[] = [];
  let onKey: (key: string) => void = () => undefined;
  const onData = (bytes: Buffer): void => {
    const text = bytes.toString('latin1');
    onKey(text === '\x03' || text === '\x04' ? 'interrupt' : text);
  };
  const onResize = (): void => {
    shown = [];
    output.write(ansiEscapes.clearViewport);
  };
  output.write(
    ansiEscapes.enterAlternativeScreen + ansiEscapes.cursorHide + ansiEscapes.clearViewport,
  );
  output.on('resize', onResize);
  if (hasKeys) {
    input.setRawMode(true);
    input.on('data', onData);
  }
  return {
    palette: paletteOf(output),
    get columns() {
      return output.columns || 80;
    },
    get rows() {
      return output.rows || 24;
    },
    draw(lines) {
      // A terminal that does not keep up gets the next picture, not all of them.
      if (!isOpen || output.writableNeedDrain) return;
      output.write(changes(shown, lines));
      shown = lines;
    },
    onKey: (listener) => {
      onKey = listener;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      output.off('resize', onResize);
      output.write(ansiEscapes.cursorShow + ansiEscapes.exitAlternativeScreen);
      if (!hasKeys) return;
      input.off('data', onData);
      input.setRawMode(wasRaw);
      input.pause();
    },
  };
}

/** Returns the output that turns one picture into another. */
function changes(before: readonly string[], after: readonly string[]): string {
  let text = '';
  for (let n = 0; n < Math.max(before.length, after.length); n++) {
    const line = after[n] ?? '';
    if (line === before[n]) continue;
    text += ansiEscapes.cursorTo(0, n) + line + ansiEscapes.eraseEndLine;
  }
  return text;
}
