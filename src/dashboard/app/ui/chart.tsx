/** Lines over time. The numbers stand in a table as well, for those who do not see them. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import type { Lines } from '../../model/usage.js';

const colours = [
  '#1f77d0',
  '#d9711a',
  '#2a9d4a',
  '#c43a44',
  '#8a5cc7',
  '#8a6146',
  '#c957a3',
  '#1899a8',
];
const height = 240;
/** Steps of an axis of bytes, from a mebibyte on. */
const byteSteps = Array.from({ length: 24 }, (_, n) => 2 ** (20 + n));

/** Draws the lines, anew as they change. */
export function Chart(props: {
  title: string;
  lines: Lines;
  format: (value: number) => string;
  /** The values are bytes: the axis has round numbers of them. */
  areBytes?: boolean;
}): JSX.Element {
  const { title, lines, format, areBytes = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const names = lines.names.join('\n');
  useEffect(() => {
    let isOver = false;
    const sizes = new ResizeObserver(() => {
      const width = box.current?.clientWidth ?? 0;
      if (width > 0) plot.current?.setSize({ width, height });
    });
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => plot.current?.redraw();
    scheme.addEventListener('change', redraw);
    void import('uplot').then(({ default: UPlot }) => {
      if (isOver || box.current === null) return;
      plot.current = new UPlot(
        optionsOf(box.current, { lines, format, areBytes }),
        dataOf(lines),
        box.current,
      );
      sizes.observe(box.current);
    });
    return () => {
      isOver = true;
      sizes.disconnect();
      scheme.removeEventListener('change', redraw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [names]);
  useEffect(() => plot.current?.setData(dataOf(lines)), [lines]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={box} aria-hidden="true" />
    </figure>
  );
}

function dataOf({ times, values }: Lines): uPlot.AlignedData {
  return [[...times], ...values.map((line) => [...line])];
}

function optionsOf(
  box: HTMLElement,
  shown: { lines: Lines; format: (value: number) => string; areBytes: boolean },
): uPlot.Options {
  const { lines, format, areBytes } = shown;
  // Asked for at each drawing: the system may turn from light to dark meanwhile.
  const colour = (name: string) => (): string => getComputedStyle(box).getPropertyValue(name);
  const stroke = colour('--faint');
  const grid = { stroke: colour('--line'), width: 1 };
  const font = '12px system-ui, sans-serif';
  return {
    width: box.clientWidth,
    height,
    series: [
      {},
      ...lines.names.map((name, n) => ({
        label: name,
        stroke: colours[n % colours.length] ?? '#1f77d0',
        width: 2,
        value: (_: uPlot, value: number | null) => (value === null ? '-' : format(value)),
      })),
    ],
    axes: [
      { stroke, grid, font },
      {
        stroke,
        grid,
        font,
        size: 80,
        values: (_, splits) => splits.map(format),
        ...(areBytes ? { incrs: byteSteps } : {}),
      },
    ],
    scales: { y: { range: (_, __, max) => [0, Math.max(max, 1e-9) * 1.1] } },
  };
}
