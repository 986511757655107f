/** Workloads, a tab for each kind. */
import type { JSX } from 'preact';
import { workloads } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import { useShell } from '../ui/context.js';
import { ResourceTable } from '../ui/resource-table.js';
import { Tabs } from '../ui/tabs.js';
import { WorkloadPage } from './workload.js';

/** The page at `#/workloads/PLURAL`. */
export function WorkloadsPage(): JSX.Element {
  const { route, namespace } = useShell();
  const [plural, space, name] = route.names;
  const resource = workloads.find((one) => one.plural === plural) ?? workloads[0];
  if (resource === undefined) throw new Error('there are no kinds of workloads');
  if (space !== undefined && name !== undefined) {
    const key = `${resource.plural}/${space}/${name}`;
    return <WorkloadPage key={key} resource={resource} namespace={space} name={name} />;
  }
  return (
    <>
      <h1 tabIndex={-1}>Workloads</h1>
      <Tabs
        label="Kinds of workloads"
        tabs={workloads.map((one) => ({
          title: `${one.kind}s`,
          address: formatRoute('workloads', [one.plural], { ns: namespace }),
          isCurrent: one === resource,
        }))}
      />
      <ResourceTable
        resource={resource}
        caption={`${resource.kind}s`}
        namespace={namespace}
        linkOf={({ meta }) =>
          formatRoute('workloads', [resource.plural, meta.namespace ?? '', meta.name])
        }
      />
    </>
  );
}
