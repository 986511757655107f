/** What was told about all objects in the last hour. */
import type { JSX } from 'preact';
import { events } from '../../model/resources.js';
import { useShell } from '../ui/context.js';
import { ResourceTable } from '../ui/resource-table.js';

/** The page at `#/events`. */
export function EventsPage(): JSX.Element {
  const { namespace } = useShell();
  return (
    <>
      <h1 tabIndex={-1}>Events</h1>
      <ResourceTable
        resource={events}
        caption="Events"
        areEvents
        namespace={namespace}
        linkOf={() => undefined}
        empty="Nothing was told in the last hour."
      />
    </>
  );
}
