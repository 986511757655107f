/** FlowSchema and PriorityLevelConfiguration. */
import { cloneJson } from '../clone.js';
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import type { FieldError } from '../field-error.js';
import { invalid } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { conditionTypeErrors } from '../validation/status-conditions.js';
import { mandatoryFlowSchemas, mandatoryLevels } from './mandatory.js';
import type { FlowSchema, PriorityLevelConfiguration } from './schemas.js';
import { flowSchemaSchema, priorityLevelSchema } from './schemas.js';
import { flowSchemaErrors, priorityLevelErrors } from './validation.js';

const common = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  namespaced: false,
  statusKeeps: 'metadata',
  hasGeneration: true,
} as const;

/** Objects that every server needs keep their specs. */
function validateSchema({ metadata, spec }: FlowSchema): FieldError[] {
  const errors = flowSchemaErrors(metadata.name, spec);
  const wanted = mandatoryFlowSchemas.find((item) => item.metadata.name === metadata.name);
  if (wanted === undefined || semanticEqual(spec, wanted.spec)) return errors;
  const text = `spec of '${metadata.name}' must equal the fixed value`;
  return [...errors, invalid('spec', spec, text)];
}

function validateLevel({ metadata, spec }: PriorityLevelConfiguration): FieldError[] {
  const errors = priorityLevelErrors(metadata.name, spec);
  const wanted = mandatoryLevels.find((item) => item.metadata.name === metadata.name);
  if (wanted === undefined) return errors;
  const { name } = metadata;
  const compared = cloneJson(spec);
  const isExempt = wanted.spec.exempt !== undefined;
  if (isExempt) compared.exempt = { ...wanted.spec.exempt };
  if (semanticEqual(compared, wanted.spec)) return errors;
  const free =
    " except the 'spec.exempt.nominalConcurrencyShares' and 'spec.exempt.lendablePercent' fields";
  const text = `spec of '${name}'${isExempt ? free : ''} must equal the fixed value`;
  return [...errors, invalid('spec', spec, text)];
}

function missingLevel({ status }: FlowSchema): string {
  const found = status?.conditions?.find(({ type }) => type === 'Dangling');
  return found?.status ?? '?';
}

/** FlowSchema. */
export const flowSchemaKind = defineKind<FlowSchema>({
  ...common,
  kind: 'FlowSchema',
  plural: 'flowschemas',
  schema: flowSchemaSchema,
  validateStatus: ({ status }) => conditionTypeErrors(status.conditions),
  validate: validateSchema,
  columns: [
    nameColumn,
    column<FlowSchema>('PriorityLevel', ({ spec }) => spec.priorityLevelConfiguration.name),
    column<FlowSchema>('MatchingPrecedence', ({ spec }) => spec.matchingPrecedence ?? 0, {
      type: 'integer',
    }),
    column<FlowSchema>(
      'DistinguisherMethod',
      ({ spec }) => spec.distinguisherMethod?.type ?? '<none>',
    ),
    ageColumn,
    column<FlowSchema>('MissingPL', missingLevel),
  ],
});

type Limited = NonNullable<PriorityLevelConfiguration['spec']['limited']>;
type Queuing = NonNullable<Limited['limitResponse']['queuing']>;

function queuingColumn(name: string, field: keyof Queuing) {
  return column<PriorityLevelConfiguration>(
    name,
    ({ spec }) => spec.limited?.limitResponse.queuing?.[field] ?? '<none>',
    { type: 'integer' },
  );
}

/** PriorityLevelConfiguration. */
export const priorityLevelKind = defineKind<PriorityLevelConfiguration>({
  ...common,
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  schema: priorityLevelSchema,
  validateStatus: ({ status }) => conditionTypeErrors(status.conditions),
  setDefaults: (object) => {
    if (object.spec.type === 'Exempt') {
      object.spec.exempt ??= { nominalConcurrencyShares: 0, lendablePercent: 0 };
    }
  },
  validate: validateLevel,
  columns: [
    nameColumn,
    column<PriorityLevelConfiguration>('Type', ({ spec }) => spec.type),
    column<PriorityLevelConfiguration>(
      'NominalConcurrencyShares',
      ({ spec }) => (spec.limited ?? spec.exempt)?.nominalConcurrencyShares ?? '<none>',
      { type: 'integer' },
    ),
    queuingColumn('Queues', 'queues'),
    queuingColumn('HandSize', 'handSize'),
    queuingColumn('QueueLengthLimit', 'queueLengthLimit'),
    ageColumn,
  ],
});
