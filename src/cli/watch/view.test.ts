/** Pictures of the screen. `UPDATE=1` records them anew: look at them. */
import { describe, expect, test } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import colours from 'picocolors';
import stringWidth from 'string-width';
import { colourPalette, plainPalette } from './style.js';
import { calm, election, master2, settled, Story } from '../../client/observation/testkit/story.js';
import { renderScreen } from './view.js';

const testdata = join(import.meta.dirname, '../../../../src/cli/watch/testdata');

const stories: Readonly<Record<string, () => Story>> = {
  nothing: () => new Story(),
  calm,
  election,
  settled,
  'two-elections': () =>
    settled().happens(3, 20_000, { kind: 'leaderConnectionLost', term: 5, peer: master2 }),
};

const sizes = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
];

describe.each(Object.keys(stories))('the screen of %s', (name) => {
  test.each(sizes)('on $columns x $rows', ({ columns, rows }) => {
    const { model, nowMs } = (stories[name] as () => Story)();
    const troubles =
      name === 'election' ? ['10.0.0.1:6444 does not answer: it ended the call'] : [];
    const options = { model, nowMs, columns, rows, troubles };
    const plain = renderScreen({ ...options, palette: plainPalette });
    const coloured = renderScreen({
      ...options,
      palette: colourPalette(colours.createColors(true)),
    });
    for (const lines of [plain, coloured]) {
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    }
    const picture = `${plain.join('\n')}\n`;
    // Escapes as text: a diff of them can be read.
    const painted = `${coloured.join('\n').replaceAll('\x1b[', '^[')}\n`;
    expectRecorded(`${name}-${columns}x${rows}.txt`, picture);
    expectRecorded(`${name}-${columns}x${rows}-coloured.txt`, painted);
  });
});

function expectRecorded(file: string, text: string): void {
  const path = join(testdata, file);
  if (process.env['UPDATE'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}

test.each([
  { columns: 20, rows: 5 },
  { columns: 40, rows: 12 },
  { columns: 300, rows: 100 },
])('fits $columns x $rows as well', ({ columns, rows }) => {
  const { model, nowMs } = settled();
  const lines = renderScreen({
    model,
    nowMs,
    columns,
    rows,
    palette: plainPalette,
    troubles: [],
    narration: ['a long sentence about what is done to the cluster, which is cut where it must be'],
  });
  expect(lines.length).toBeLessThanOrEqual(rows);
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
});

test('colours are never the only sign: without them every word is there', () => {
  const { model, nowMs } = election();
  const options = { model, nowMs, columns: 80, rows: 24, troubles: [] };
  const plain = renderScreen({ ...options, palette: plainPalette });
  const coloured = renderScreen({ ...options, palette: colourPalette(colours.createColors(true)) });
  // eslint-disable-next-line no-control-regex
  const bare = coloured.map((line) => line.replaceAll(/\x1b\[\d+m/g, ''));
  expect(bare.slice(0, -1)).toEqual(plain.slice(0, -1));
});
