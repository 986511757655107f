/** The page before all others: asks for a token, and says how to make one. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { failureText } from '../model/api-failure.js';
import { Api } from './api/api.js';
import { keepToken, tokenFrom } from './api/session.js';
import type { User } from './ui/context.js';
import { Logo } from './ui/logo.js';
import { Notice } from './ui/marks.js';

/** @throws ApiFailure where the token is not taken */
export async function whoAmI(api: Api): Promise<User> {
  const review = await api.json<{ status: { userInfo: { username: string; groups?: string[] } } }>(
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    {
      method: 'POST',
      body: JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      }),
    },
  );
  const { username, groups = [] } = review.status.userInfo;
  return { name: username, groups };
}

/** Asks for a token until one is taken. */
export function SignIn(props: {
  reason: string | undefined;
  onSignedIn: (token: string, user: User) => void;
}): JSX.Element {
  const [error, setError] = useState(props.reason);
  const [isAsking, setAsking] = useState(false);
  const token = useRef<HTMLTextAreaElement>(null);
  const isKept = useRef<HTMLInputElement>(null);

  const signIn = async (): Promise<void> => {
    const text = tokenFrom(token.current?.value ?? '');
    if (text === '') {
      setError('Paste a token first.');
      token.current?.focus();
      return;
    }
    setAsking(true);
    try {
      const user = await whoAmI(new Api(text, () => undefined));
      keepToken(isKept.current?.checked === true ? text : '');
      props.onSignedIn(text, user);
    } catch (failed) {
      setError(`The token was not taken: ${failureText(failed)}.`);
      setAsking(false);
      token.current?.focus();
    }
  };
  return (
    <main class="sign-in">
      <h1>
        <Logo size={40} /> Trireme
      </h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void signIn();
        }}
      >
        <label for="token">Token</label>
        <textarea
          id="token"
          ref={token}
          class="secret"
          rows={4}
          autoComplete="off"
          spellcheck={false}
          aria-describedby="how"
          aria-invalid={error !== undefined}
          autofocus
        />
        <label class="box">
          <input type="checkbox" ref={isKept} /> Stay signed in when this tab is loaded again
        </label>
        {error !== undefined && <Notice tone="bad">{error}</Notice>}
        <button type="submit" class="main" disabled={isAsking}>
          {isAsking ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
      <section id="how" aria-label="How to get a token">
        <p>
          A token of any service account will do; you see and change what its roles allow. With a
          kubeconfig:
        </p>
        <pre>
          <code>trireme dashboard --clusterrole=view</code>
        </pre>
        <p>
          or <code>--clusterrole=cluster-admin</code>, or any other role;{' '}
          <code>kubectl create token</code> makes tokens as well. The token stays in this tab and
          goes to this master alone.
        </p>
      </section>
    </main>
  );
}
