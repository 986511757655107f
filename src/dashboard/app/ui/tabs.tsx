/** Links to the parts of a page, as tabs. */
import type { JSX } from 'preact';

/** One tab: where it leads, and whether it is where one is. */
export interface Tab {
  readonly title: string;
  readonly address: string;
  readonly isCurrent: boolean;
}

/** A row of tabs. They are links: each part has an address of its own. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }): JSX.Element {
  return (
    <nav class="tabs" aria-label={label}>
      <ul>
        {tabs.map(({ title, address, isCurrent }) => (
          <li key={title}>
            <a href={address} aria-current={isCurrent ? 'page' : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
