/** The frame around all pages: where one is, where one can go, which namespace, who one is. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { formatRoute } from '../model/route.js';
import { ClusterPage } from './pages/cluster.js';
import { EventsPage } from './pages/events.js';
import { PodsPage } from './pages/pods.js';
import { ServicesPage } from './pages/services.js';
import { UsagePage } from './pages/usage.js';
import { WorkloadsPage } from './pages/workloads.js';
import { useShell } from './ui/context.js';
import { Logo } from './ui/logo.js';
import { NamespaceChoice } from './ui/namespace-choice.js';

interface Page {
  readonly name: string;
  readonly title: string;
  readonly show: () => JSX.Element;
  readonly namespaced: boolean;
}

const pages: readonly Page[] = [
  { name: 'cluster', title: 'Cluster', show: () => <ClusterPage />, namespaced: false },
  { name: 'workloads', title: 'Workloads', show: () => <WorkloadsPage />, namespaced: true },
  { name: 'pods', title: 'Pods', show: () => <PodsPage />, namespaced: true },
  { name: 'services', title: 'Services', show: () => <ServicesPage />, namespaced: true },
  { name: 'events', title: 'Events', show: () => <EventsPage />, namespaced: true },
  { name: 'usage', title: 'Usage', show: () => <UsagePage />, namespaced: false },
];

/** Shows the page that the address names. */
export function ShellFrame({ onSignOut }: { onSignOut: () => void }): JSX.Element {
  const { route, user, namespace } = useShell();
  const page = pages.find(({ name }) => name === route.page);
  const place = `${route.page}/${route.names.join('/')}`;
  useArrival(place, page?.title ?? 'Not found');
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={formatRoute('cluster')}>
          <Logo size={28} /> Trireme
        </a>
        <nav aria-label="Pages">
          <ul>
            {pages.map(({ name, title, namespaced }) => (
              <li key={name}>
                <a
                  href={formatRoute(name, [], { ns: namespaced ? namespace : '' })}
                  aria-current={name === route.page ? 'page' : undefined}
                >
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        {page?.namespaced === true && !isOfOneObject(route.names) && <NamespaceChoice />}
        <div class="user">
          <span title={[user.name, ...user.groups].join('\n')}>{user.name}</span>
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        </div>
      </header>
      <main id="main" key={route.page}>
        {page === undefined ? <h1 tabIndex={-1}>There is no such page</h1> : page.show()}
      </main>
    </>
  );
}

/** The names end with a namespace and a name then. */
function isOfOneObject(names: readonly string[]): boolean {
  return names.length >= 2;
}

/** The address is the page's place, and not free for anchors. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('main h1')?.focus();
}

/** At a new place the title says so, and reading goes on at its head; not at the first place. */
function useArrival(place: string, title: string): void {
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} – Trireme`;
    if (isFirst.current) isFirst.current = false;
    else document.querySelector<HTMLElement>('main h1')?.focus();
  }, [place, title]);
}
