/** Pods, of all nodes or of one. */
import type { JSX } from 'preact';
import { pods } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import { useShell } from '../ui/context.js';
import { ResourceTable } from '../ui/resource-table.js';
import { PodPage } from './pod.js';

/** The page at `#/pods`. */
export function PodsPage(): JSX.Element {
  const { route, namespace } = useShell();
  const [space, name] = route.names;
  if (space !== undefined && name !== undefined) {
    return <PodPage key={`${space}/${name}`} namespace={space} name={name} />;
  }
  const node = route.query.get('node') ?? '';
  return (
    <>
      <h1 tabIndex={-1}>Pods{node !== '' && ` on ${node}`}</h1>
      {node !== '' && (
        <p class="hint">
          <a href={formatRoute('pods', [], { ns: namespace })}>Show those of all nodes</a>
        </p>
      )}
      <ResourceTable
        resource={pods}
        caption="Pods"
        namespace={namespace}
        wanted={['IP', 'Node']}
        {...(node === '' ? {} : { fieldSelector: `spec.nodeName=${node}` })}
        linkOf={({ meta }) => formatRoute('pods', [meta.namespace ?? '', meta.name])}
      />
    </>
  );
}
