/** What every page works with. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Clock } from '../../../lib/clock.js';
import type { Api } from '../api/api.js';
import type { Route } from '../../model/route.js';

/** The user as the API knows them. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The signed-in user's API, the place that is shown, the time. */
export interface Shell {
  readonly api: Api;
  readonly clock: Clock;
  readonly user: User;
  readonly route: Route;
  /** The namespace that is chosen; empty: all. */
  readonly namespace: string;
}

/** The context of the {@link Shell}. */
export const ShellContext = createContext<Shell | undefined>(undefined);

/** @throws Error outside of the shell, which is a fault of the dashboard */
export function useShell(): Shell {
  const shell = useContext(ShellContext);
  if (shell === undefined) throw new Error('there is no shell around this page');
  return shell;
}
