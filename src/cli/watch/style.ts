/** Pieces of text with a style, cut and filled to columns. Pure. */
import stringWidth from 'string-width';

/** The meaning of a piece of text; a palette gives it its looks. */
export type Tone =
  'plain' | 'leader' | 'candidate' | 'follower' | 'down' | 'dim' | 'bold' | 'accent';

/** The looks of each tone. */
export type Palette = Readonly<Record<Tone, (text: string) => string>>;

/** One piece of a line. */
export interface Piece {
  readonly text: string;
  readonly tone: Tone;
}

/** A line of pieces. */
export type Line = readonly Piece[];

/** A piece in a tone. */
export function piece(text: string, tone: Tone = 'plain'): Piece {
  return { text, tone };
}

const same = (text: string): string => text;

/** Without colours: for NO_COLOR, and terminals that have none. */
export const plainPalette: Palette = {
  plain: same,
  leader: same,
  candidate: same,
  follower: same,
  down: same,
  dim: same,
  bold: same,
  accent: same,
};

/** The part of picocolors that is used: with its colours on or off. */
export interface Colours {
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
  readonly red: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly magenta: (text: string) => string;
}

/** Colours that a reader of the legend can tell apart; roles are told by words as well. */
export function colourPalette(colours: Colours): Palette {
  return {
    plain: same,
    leader: (text) => colours.bold(colours.green(text)),
    candidate: (text) => colours.bold(colours.yellow(text)),
    follower: colours.cyan,
    down: (text) => colours.bold(colours.red(text)),
    dim: colours.dim,
    bold: colours.bold,
    accent: colours.magenta,
  };
}

/** The text, cut to so many columns. */
export function cut(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let short = '';
  for (const character of text) {
    if (stringWidth(short + character) > columns - 1) break;
    short += character;
  }
  return columns <= 0 ? '' : `${short}…`;
}

/** The text, cut or filled with blanks to so many columns. */
export function fit(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const short = cut(text, columns);
  const blanks = ' '.repeat(Math.max(0, columns - stringWidth(short)));
  return align === 'left' ? short + blanks : blanks + short;
}

/** Paints a line, cut to so many columns; blanks at its end are left out. */
export function paint(line: Line, columns: number, palette: Palette): string {
  let left = columns;
  let text = '';
  const last = line.findLastIndex((one) => one.text.trim() !== '');
  for (const [n, one] of line.slice(0, last + 1).entries()) {
    const shown = cut(n === last ? one.text.trimEnd() : one.text, left);
    left -= stringWidth(shown);
    if (shown !== '') text += palette[one.tone](shown);
    if (left <= 0) break;
  }
  return text;
}

/** The text in lines that are no wider, broken between words. */
export function wrapWords(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && stringWidth(`${last} ${word}`) <= columns) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
