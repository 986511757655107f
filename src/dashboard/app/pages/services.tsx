/** Services, and how traffic flows through each. */
import type { JSX } from 'preact';
import { services } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import { useShell } from '../ui/context.js';
import { ResourceTable } from '../ui/resource-table.js';
import { ServicePage } from './service.js';

/** The page at `#/services`. */
export function ServicesPage(): JSX.Element {
  const { route, namespace } = useShell();
  const [space, name] = route.names;
  if (space !== undefined && name !== undefined) {
    return <ServicePage key={`${space}/${name}`} namespace={space} name={name} />;
  }
  return (
    <>
      <h1 tabIndex={-1}>Services</h1>
      <ResourceTable
        resource={services}
        caption="Services"
        namespace={namespace}
        linkOf={({ meta }) => formatRoute('services', [meta.namespace ?? '', meta.name])}
      />
    </>
  );
}
