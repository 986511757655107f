/** The ship. */
import type { JSX } from 'preact';

/** The icon's drawing, in the page: no request for it. */
export function Logo({ size }: { size: number }): JSX.Element {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <path fill="#1f6feb" d="M3 17h26c-1 5-5 8-10 8h-6c-5 0-9-3-10-8Z" />
      <path
        fill="none"
        stroke="#1f6feb"
        stroke-width="2"
        stroke-linecap="round"
        d="m9 24-4 5m10-4-3 5m9-5-2 5M16 4v12"
      />
      <path fill="#58a6ff" d="M17 5c5 1 7 4 7 9h-7Z" />
    </svg>
  );
}
