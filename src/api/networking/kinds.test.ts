import { expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import { decodeObject, validateCreate } from '../strategy.js';
import type { Ingress } from '../types/networking.js';
import { ingressKind } from './kinds.js';

const ingress = (spec: object, annotations = {}): Ingress =>
  decodeObject(ingressKind, {
    metadata: { name: 'a', namespace: 'default', annotations },
    spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } }, ...spec },
  }).object as Ingress;
const address = 'must be a DNS name, not an IP address';

test.each([
  ['010.0.0.1', [`spec.rules[0].host: Invalid value: "010.0.0.1": ${address}`]],
  ['10.0.0.256', []],
])('the host of a rule is no address, however it is written: %s', (host, errors) => {
  expect(validateCreate(ingressKind, ingress({ rules: [{ host }] })).map(formatFieldError)).toEqual(
    errors,
  );
});

test('the annotation of a class is warned of, in new objects without the field', () => {
  const annotated = ingress({}, { 'kubernetes.io/ingress.class': '' });
  const warned = [
    `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
  ];
  expect(ingressKind.warnings?.(annotated, undefined)).toEqual(warned);
  expect(ingressKind.warnings?.(annotated, annotated)).toEqual([]);
  expect(ingressKind.warnings?.(ingress({}), undefined)).toEqual([]);
});
