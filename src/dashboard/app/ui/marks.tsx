/** Small pieces: states with colour and mark, ages, notices. */
import type { ComponentChildren, JSX } from 'preact';
import { humanDuration } from '../../../api/print/duration.js';
import type { Tone } from '../../model/tone.js';

/** A state: its text, with a dot whose form tells the tone to those who see no colours. */
export function State({
  tone,
  children,
}: {
  tone: Tone;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <span class={`state state-${tone}`}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  );
}

/** How long ago, as kubectl prints ages; the moment itself on hovering. */
export function Age({ since, nowMs }: { since: string | undefined; nowMs: number }): JSX.Element {
  if (since === undefined) return <span>&lt;unknown&gt;</span>;
  return (
    <time dateTime={since} title={since}>
      {humanDuration(nowMs - Date.parse(since))}
    </time>
  );
}

/** A message in the page. Errors are read out at once. */
export function Notice(props: { tone: Tone; children: ComponentChildren }): JSX.Element {
  const role = props.tone === 'bad' ? 'alert' : 'status';
  return (
    <p class={`notice notice-${props.tone}`} role={role}>
      {props.children}
    </p>
  );
}
