/** The events of one object. */
import type { JSX } from 'preact';
import type { KubeObject } from '../../../api/object.js';
import { events } from '../../model/resources.js';
import { ResourceTable } from '../ui/resource-table.js';

/** A table of what was told about the object, the newest first. */
export function ObjectEvents({ object }: { object: KubeObject }): JSX.Element {
  const { name, namespace = '', uid = '' } = object.metadata;
  return (
    <ResourceTable
      resource={events}
      caption="Events"
      areEvents
      namespace={namespace === '' ? 'default' : namespace}
      fieldSelector={`involvedObject.name=${name},involvedObject.uid=${uid}`}
      linkOf={() => undefined}
      empty="Nothing was told about it in the last hour."
    />
  );
}
