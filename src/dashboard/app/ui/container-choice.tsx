/** Chooses one of a pod's containers. */
import type { JSX } from 'preact';
import type { ContainerView } from '../../model/pod-view.js';

/** A field with the containers; nothing to choose is said as well. */
export function ContainerChoice(props: {
  containers: readonly ContainerView[];
  container: string;
  onChoose: (name: string) => void;
}): JSX.Element {
  return (
    <label>
      Container{' '}
      <select
        value={props.container}
        onChange={(event) => props.onChoose(event.currentTarget.value)}
      >
        {props.containers.map(({ name, role }) => (
          <option key={name} value={name}>
            {role === 'container' ? name : `${name} (${role})`}
          </option>
        ))}
      </select>
    </label>
  );
}
