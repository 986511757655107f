/**
 * The validation of CertificateSigningRequests, and of updates through each subresource (kubernetes
 * pkg/apis/certificates/validation).
 */
import { semanticEqual } from '../equal.js';
import type { FieldError } from '../field-error.js';
import { at, duplicate, forbidden, invalid, notSupported, required } from '../field-error.js';
import { goQuote } from '../go-text/quote.js';
import { goBytes } from '../go-text/syntax.js';
import type { Given } from '../schema/node.js';
import { given } from '../schema/node.js';
import { dnsLabel, dnsSubdomain } from '../validation/names.js';
import type { CertificateSigningRequest } from './schemas.js';

type Condition = NonNullable<
  NonNullable<CertificateSigningRequest['status']>['conditions']
>[number];

const knownUsages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];
/** The conditions that decide on a request, and those that stay once they are set. */
const decisions = ['Approved', 'Denied'];
const lasting = [...decisions, 'Failed'];
const signerNameLengthMax = 571;
const secondsMin = 600;

function conditionsOf({ status }: CertificateSigningRequest): readonly Condition[] {
  return status?.conditions ?? [];
}

function ofType(request: CertificateSigningRequest, type: string): readonly Condition[] {
  return conditionsOf(request).filter((condition) => condition.type === type);
}

/** A write to the status leaves the decisions as they are, as long as it names the same ones. */
export function keepDecisions(
  next: CertificateSigningRequest,
  old: CertificateSigningRequest,
): void {
  for (const type of decisions) {
    const [before, now] = [ofType(old, type), ofType(next, type)];
    if (before.length !== now.length) continue;
    now.forEach((condition, index) => Object.assign(condition, before[index]));
  }
}

function checkUsages(usages: readonly string[], errors: FieldError[]): void {
  if (usages.length === 0) errors.push(required('spec.usages'));
  const seen = new Set<string>();
  usages.forEach((usage, index) => {
    if (!knownUsages.includes(usage)) {
      errors.push(notSupported(at('spec.usages', index), usage, knownUsages));
    }
    if (seen.has(usage)) errors.push(duplicate(at('spec.usages', index), usage));
    seen.add(usage);
  });
}

/** The body may lack the name, whatever the schema says. */
function checkSigner(
  { signerName = '' }: { readonly signerName?: string },
  errors: FieldError[],
): void {
  const field = 'spec.signerName';
  if (signerName === 'kubernetes.io/legacy-unknown') {
    const text = 'the legacy signerName is not allowed via this API version';
    errors.push(invalid(field, signerName, text));
    return;
  }
  if (signerName === '') {
    errors.push(required(field));
    return;
  }
  const [domain = '', path = '', ...more] = signerName.split('/');
  if (!signerName.includes('/') || more.length > 0) {
    const text = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    errors.push(invalid(field, signerName, text));
    return;
  }
  checkParts(field, domain, dnsLabel, errors);
  if (!domain.includes('.')) {
    const text = 'should be a domain with at least two segments separated by dots';
    errors.push(invalid(field, domain, text));
  }
  checkParts(field, path, dnsSubdomain, errors);
  if (signerName.length > signerNameLengthMax) {
    errors.push(invalid(field, signerName, `must have at most ${signerNameLengthMax} bytes`));
  }
}

/** Says what is wrong with the first wrong part between dots. */
function checkParts(
  field: string,
  segment: string,
  check: (part: string) => string[],
  errors: FieldError[],
): void {
  for (const part of segment.split('.')) {
    const found = check(part);
    for (const text of found) {
      errors.push(invalid(field, segment, `validating label ${goQuote(part)}: ${text}`));
    }
    if (found.length > 0) return;
  }
}

function checkConditions(request: CertificateSigningRequest, errors: FieldError[]): void {
  const conditions = conditionsOf(request);
  conditions.forEach((condition, index) => {
    const { type = '', status = '' } = given(condition);
    const path = at('status.conditions', index);
    if (type === '') errors.push(required(`${path}.type`));
    if (conditions.slice(0, index).some((before) => before.type === type)) {
      errors.push(duplicate(`${path}.type`, type));
    }
    const values = lasting.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (status === '') errors.push(required(`${path}.status`));
    else if (!values.includes(status)) {
      errors.push(notSupported(`${path}.status`, status, values));
    }
    const other = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (conditions.slice(0, index).some((before) => before.type === other)) {
      const text = 'Approved and Denied conditions are mutually exclusive';
      errors.push(invalid(`${path}.type`, type, text));
    }
  });
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([^-]*)-----END \1-----/g;

/** The first block counts, whatever stands before it. */
function checkPem(
  { request }: Given<CertificateSigningRequest['spec']>,
  errors: FieldError[],
): void {
  if (isSigningRequest(request ?? '')) return;
  const text = 'PEM block type must be CERTIFICATE REQUEST';
  errors.push(invalid('spec.request', goBytes(request), text));
}

/** Tells whether bytes in base64 begin with the PEM of a request. */
export function isSigningRequest(base64: string): boolean {
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  return pem.matchAll(pemBlock).next().value?.[1] === 'CERTIFICATE REQUEST';
}

/** True for base64 of one ASN.1 sequence, which a certificate is, and nothing behind it. */
function isSequence(base64: string): boolean {
  const der = Buffer.from(base64, 'base64');
  const [tag, first = 0] = der;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (tag !== 0x30 || lengthBytes > 4 || der.length < 2 + lengthBytes) return false;
  const length = lengthBytes === 0 ? first : der.readUIntBE(2, lengthBytes);
  return first !== 0x80 && der.length === 2 + lengthBytes + length;
}

/** What is signed is certificates, and nothing beside them. */
function checkCertificate(base64: string, errors: FieldError[]): void {
  if (base64 === '') return;
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  const types = [...pem.matchAll(pemBlock)].map(([, type]) => type);
  const other = types.find((type) => type !== 'CERTIFICATE');
  const refuse = (text: string): unknown =>
    errors.push(invalid('status.certificate', '<certificate data>', text));
  if (other !== undefined) {
    refuse(`only CERTIFICATE PEM blocks are allowed, found ${goQuote(other)}`);
  } else if (types.length === 0) refuse('must contain at least one CERTIFICATE PEM block');
  else if (![...pem.matchAll(pemBlock)].every(([, , text = '']) => isSequence(text))) {
    refuse('x509: malformed certificate');
  }
}

/** All that is wrong with a request; that it can be read and is signed is admission's to see. */
export function validateRequest(request: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  checkPem(given(request.spec), errors);
  checkUsages(request.spec.usages ?? [], errors);
  checkSigner(request.spec, errors);
  const { expirationSeconds } = request.spec;
  if (expirationSeconds !== undefined && expirationSeconds < secondsMin) {
    const text = 'may not specify a duration less than 600 seconds (10 minutes)';
    errors.push(invalid('spec.expirationSeconds', expirationSeconds, text));
  }
  checkConditions(request, errors);
  checkCertificate(request.status?.certificate ?? '', errors);
  return errors;
}

/** All that is wrong with a write through a subresource: decisions are the approval's, certificates the status'. */
export function validateRequestUpdate(
  next: CertificateSigningRequest,
  old: CertificateSigningRequest,
  through: 'approval' | 'status',
): FieldError[] {
  const errors = validateRequest(next);
  const field = 'status.conditions';
  for (const type of lasting) {
    const [now, before] = [ofType(next, type), ofType(old, type)];
    if (now.length < before.length) {
      errors.push(forbidden(field, `updates may not remove a condition of type "${type}"`));
    } else if (through === 'status' && decisions.includes(type)) {
      if (now.length > before.length) {
        errors.push(forbidden(field, `updates may not add a condition of type "${type}"`));
      } else if (!semanticEqual(now, before)) {
        errors.push(forbidden(field, `updates may not modify a condition of type "${type}"`));
      }
    }
  }
  const [certificate, known] = [next.status?.certificate ?? '', old.status?.certificate ?? ''];
  if (certificate !== known && known !== '') {
    const text = 'updates may not modify existing certificate content';
    errors.push(forbidden('status.certificate', text));
  }
  return errors;
}
