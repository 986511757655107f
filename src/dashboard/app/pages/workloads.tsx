/** Workloads, a tab for each kind. */
import type { JSX } from 'preact';
import { workloads } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import { useShell } from '../ui/context.js';
import { ResourceTable } from '../ui/resource-table.js';

/** The page at `#/workloads/PLURAL`. */
export function WorkloadsPage(): JSX.Element {
  const { route, namespace } = useShell();
  const [plural] = route.names;
  const resource = workloads.find((one) => one.plural === plural) ?? workloads[0];
  if (resource === undefined) throw new Error('there are no kinds of workloads');
  return (
    <>
      <h1 tabIndex={-1}>Workloads</h1>
      <nav class="tabs" aria-label="Kinds of workloads">
        <ul>
          {workloads.map((one) => (
            <li key={one.plural}>
              <a
                href={formatRoute('workloads', [one.plural], { ns: namespace })}
                aria-current={one === resource ? 'page' : undefined}
              >
                {one.kind}s
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <ResourceTable
        resource={resource}
        caption={`${resource.kind}s`}
        namespace={namespace}
        linkOf={() => undefined}
      />
    </>
  );
}
