/** The dashboard's beginning: who is asking, then the pages. */
import type { JSX } from 'preact';
import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { systemClock } from '../../lib/clock.js';
import { ApiFailure, failureText } from '../model/api-failure.js';
import { parseRoute } from '../model/route.js';
import { Api } from './api/api.js';
import { keepToken, keptToken } from './api/session.js';
import { ShellFrame } from './shell.js';
import { SignIn, whoAmI } from './sign-in.js';
import type { User } from './ui/context.js';
import { ShellContext } from './ui/context.js';

const clock = systemClock();
/** Who the API takes those for that show no credentials. */
const anonymous = 'system:anonymous';

/** Who is signed in: nobody yet, while it is found out, or a user. */
type Session =
  | { readonly state: 'asking' }
  | { readonly state: 'out'; readonly reason: string | undefined }
  | { readonly state: 'in'; readonly token: string; readonly user: User };

function Dashboard(): JSX.Element {
  const [session, setSession] = useState<Session>({ state: 'asking' });
  useEffect(() => {
    void resume().then(setSession);
  }, []);
  if (session.state === 'asking') return <main class="sign-in" aria-busy="true" />;
  if (session.state === 'out') {
    return (
      <SignIn
        reason={session.reason}
        onSignedIn={(token, user) => setSession({ state: 'in', token, user })}
      />
    );
  }
  return <SignedIn {...session} onOut={(reason) => setSession({ state: 'out', reason })} />;
}

/** A token that this tab keeps, or a client certificate that the browser has for this server. */
async function resume(): Promise<Session> {
  const token = keptToken();
  try {
    const user = await whoAmI(new Api(token, () => undefined));
    if (user.name !== anonymous) return { state: 'in', token, user };
    return { state: 'out', reason: undefined };
  } catch (error) {
    const isRefused = error instanceof ApiFailure && error.code === 401;
    // A master that does not answer has not refused the token: it is kept for the next time that the page is loaded.
    if (!isRefused) return { state: 'out', reason: failureText(error) };
    keepToken('');
    return { state: 'out', reason: 'The token that this tab kept is not taken any more.' };
  }
}

function SignedIn(props: {
  token: string;
  user: User;
  onOut: (reason: string | undefined) => void;
}): JSX.Element {
  const { token, user, onOut } = props;
  const route = useRoute();
  const api = useMemo(
    () =>
      new Api(token, () => {
        keepToken('');
        onOut('The token is not taken any more: it may have run out.');
      }),
    [token],
  );
  const shell = { api, clock, user, route, namespace: route.query.get('ns') ?? '' };
  return (
    <ShellContext.Provider value={shell}>
      <ShellFrame
        onSignOut={() => {
          keepToken('');
          onOut(undefined);
        }}
      />
    </ShellContext.Provider>
  );
}

function useRoute(): ReturnType<typeof parseRoute> {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return useMemo(() => parseRoute(hash), [hash]);
}

const root = document.getElementById('root');
if (root !== null) render(<Dashboard />, root);
