/** APIService. */
import { defineKind } from '../define.js';
import type { FieldError } from '../field-error.js';
import { at, child, invalid, notSupported, required } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import {
  always,
  bytes,
  flag,
  int32,
  listMap,
  num32,
  req,
  str,
  struct,
  time,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { given } from '../schema/node.js';
import { goQuote } from '../go-text/quote.js';
import { dns1035Label, dnsSubdomain, pathSegmentErrors } from '../validation/names.js';

const prefix = 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.';

const service = struct(`${prefix}ServiceReference`, 'The Service of a server.', {
  name: str('Name of the Service.'),
  namespace: str('Namespace of the Service.'),
  port: int32('Port of the Service.', { default: 443 }),
});

const condition = struct(`${prefix}APIServiceCondition`, 'One aspect of the present state.', {
  lastTransitionTime: time('When the status changed last.'),
  message: str('Details for people.'),
  reason: str('One word for programs.'),
  status: req(str('True, False or Unknown.')),
  type: req(str('Available.')),
});

const schema = kindSchema(`${prefix}APIService`, 'A version of a group, and who serves it.', {
  spec: always(
    struct(`${prefix}APIServiceSpec`, 'What is served, and where.', {
      caBundle: bytes("PEM of the authority of the server's certificate; unset: the system's."),
      group: str('Group that is served.'),
      groupPriorityMinimum: req(num32('Place of the group; higher ones come first.')),
      insecureSkipTLSVerify: flag("The server's certificate is not looked at."),
      service,
      version: str('Version that is served.'),
      versionPriority: req(num32('Place of the version in its group; higher ones come first.')),
    }),
  ),
  status: always(
    struct(`${prefix}APIServiceStatus`, 'What is known of the server.', {
      conditions: listMap('Observations.', ['type'], condition),
    }),
  ),
});

/** APIService as a type. */
export interface APIService extends Infer<typeof schema> {}

function validate({ metadata, spec }: APIService): FieldError[] {
  const errors: FieldError[] = [];
  const { group = '', version = '' } = spec;
  const wanted = `${version}.${group}`;
  const { name = '' } = given(metadata);
  if (name !== '' && name !== wanted && pathSegmentErrors(name).length === 0) {
    const text = `must be \`spec.version+"."+spec.group\`: ${goQuote(wanted)}`;
    errors.push(invalid('metadata.name', name, text));
  }
  if (group === '' && version !== 'v1') {
    const text = 'only v1 may have an empty group and it better be legacy kube';
    errors.push(required('spec.group', text));
  }
  const groupFaults = group === '' ? [] : dnsSubdomain(group);
  for (const text of groupFaults) errors.push(invalid('spec.group', group, text));
  for (const text of dns1035Label(version)) errors.push(invalid('spec.version', version, text));
  checkPriority('groupPriorityMinimum', spec.groupPriorityMinimum, 20_000, errors);
  checkPriority('versionPriority', spec.versionPriority, 1_000, errors);
  return [...errors, ...(spec.service === undefined ? checkLocal(spec) : checkRemote(spec))];
}

function checkPriority(
  name: string,
  value: number | undefined,
  most: number,
  errors: FieldError[],
): void {
  const priority = value ?? 0;
  if (priority > 0 && priority <= most) return;
  errors.push(invalid(`spec.${name}`, priority, `must be positive and less than ${most}`));
}

function checkLocal(spec: APIService['spec']): FieldError[] {
  const errors: FieldError[] = [];
  const { caBundle = '', insecureSkipTLSVerify = false } = spec;
  if (caBundle !== '') {
    const size = `${Buffer.from(caBundle, 'base64').length} bytes`;
    errors.push(invalid('spec.caBundle', size, 'local APIServices may not have a caBundle'));
  }
  if (insecureSkipTLSVerify) {
    const text = 'local APIServices may not have insecureSkipTLSVerify';
    errors.push(invalid('spec.insecureSkipTLSVerify', true, text));
  }
  return errors;
}

function checkRemote(spec: APIService['spec']): FieldError[] {
  const errors: FieldError[] = [];
  const { name = '', namespace = '', port = 443 } = spec.service ?? {};
  if (namespace === '') errors.push(required('spec.service.namespace'));
  if (name === '') errors.push(required('spec.service.name'));
  if (port < 1 || port > 65_535) {
    const text = 'port is not valid: must be between 1 and 65535, inclusive';
    errors.push(invalid('spec.service.port', port, text));
  }
  if (spec.insecureSkipTLSVerify === true && (spec.caBundle ?? '') !== '') {
    const text = 'may not be true if caBundle is present';
    errors.push(invalid('spec.insecureSkipTLSVerify', true, text));
  }
  return errors;
}

const statuses = ['True', 'False', 'Unknown'];

function checkStatus({ status }: APIService): FieldError[] {
  return (status?.conditions ?? []).flatMap((condition, index) => {
    const { status: word = '' } = given(condition);
    const path = child(at('status.conditions', index), 'status');
    return statuses.includes(word) ? [] : [notSupported(path, word, statuses)];
  });
}

/** What is known of an APIService without a server of its own. */
export const localAvailable = {
  type: 'Available',
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
} as const;

/** Says whether a server can be reached, as the printer column does. */
function availability({ status }: APIService): string {
  const found = status?.conditions?.find(({ type }) => type === 'Available');
  if (found === undefined) return 'Unknown';
  return found.status === 'True' ? 'True' : `${found.status} (${found.reason ?? ''})`;
}

/** APIService. */
export const apiServiceKind = defineKind<APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  statusKeeps: 'metadata',
  plural: 'apiservices',
  categories: ['api-extensions'],
  namespaced: false,
  nameRule: 'path-segment',
  schema,
  validate,
  validateStatus: checkStatus,
  prepareCreate: (object, { now }) => {
    if (object.spec.service !== undefined) return;
    object.status = { conditions: [{ ...localAvailable, lastTransitionTime: now }] };
  },
  columns: [
    nameColumn,
    column<APIService>('Service', ({ spec }) =>
      spec.service === undefined
        ? 'Local'
        : `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}`,
    ),
    column<APIService>('Available', availability),
    ageColumn,
  ],
});
