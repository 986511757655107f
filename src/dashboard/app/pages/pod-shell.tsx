/** A shell in a container, on a terminal in the page. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Pod } from '../../../api/types/core.js';
import { execProtocol } from '../../model/exec-frames.js';
import type { ContainerView } from '../../model/pod-view.js';
import { pathOf, pods } from '../../model/resources.js';
import { ContainerChoice } from '../ui/container-choice.js';
import { useShell } from '../ui/context.js';
import { Notice } from '../ui/marks.js';

/** bash where there is one. */
const shell =
  'export TERM=xterm-256color; if command -v bash >/dev/null; then exec bash; fi; exec sh';

/** The part of a pod's page with a shell. It begins when asked to: a shell leaves a trace in the audit log. */
export function PodShell(props: {
  pod: Pod;
  containers: readonly ContainerView[];
  first: string;
}): JSX.Element {
  const [container, setContainer] = useState(props.first);
  const [run, setRun] = useState(0);
  const [end, setEnd] = useState<string>();
  const [isSpoken, setSpoken] = useState(false);
  const { namespace = '', name } = props.pod.metadata;
  const query = new URLSearchParams({
    container,
    stdin: 'true',
    stdout: 'true',
    tty: 'true',
  });
  for (const word of ['sh', '-c', shell]) query.append('command', word);
  const path = `${pathOf(pods, { namespace, name, subresource: 'exec' })}?${query.toString()}`;
  const isOpen = run > 0 && end === undefined;
  return (
    <>
      <div class="tools">
        <ContainerChoice {...props} container={container} onChoose={setContainer} />
        <label>
          <input
            type="checkbox"
            checked={isSpoken}
            disabled={isOpen}
            onChange={(event) => setSpoken(event.currentTarget.checked)}
          />{' '}
          For screen readers
        </label>
        <button
          type="button"
          id="shell-button"
          onClick={() => {
            setEnd(isOpen ? 'The connection was closed.' : undefined);
            if (!isOpen) setRun(run + 1);
          }}
        >
          {isOpen ? 'Close the shell' : 'Open a shell'}
        </button>
        <span class="hint">Ctrl+Shift+E leaves the terminal by keyboard.</span>
      </div>
      {end !== undefined && <Notice tone="calm">{end}</Notice>}
      {run > 0 && (
        <Terminal key={run} path={path} isOpen={isOpen} isSpoken={isSpoken} onEnd={setEnd} />
      )}
    </>
  );
}

function Terminal(props: {
  path: string;
  isOpen: boolean;
  isSpoken: boolean;
  onEnd: (text: string) => void;
}): JSX.Element {
  const { api } = useShell();
  const box = useRef<HTMLDivElement>(null);
  const close = useRef<() => void>(() => undefined);
  const { path, isOpen, isSpoken } = props;
  useEffect(() => {
    let isOver = false;
    const end = (text: string): void => {
      if (!isOver) props.onEnd(text);
    };
    // Its code is half of the dashboard's: it comes when it is needed.
    void import('../api/terminal.js').then(
      ({ openTerminal }) => {
        if (isOver || box.current === null) return;
        const socket = api.socket(path, execProtocol);
        const leave = (): void => document.getElementById('shell-button')?.focus();
        close.current = openTerminal({ box: box.current, socket, isSpoken, end, leave });
      },
      () => end('The terminal could not be loaded.'),
    );
    return () => {
      isOver = true;
      close.current();
    };
  }, []);
  useEffect(() => {
    if (!isOpen) close.current();
  }, [isOpen]);
  return <div class="shell-box" ref={box} role="group" aria-label="Terminal" />;
}
