/**
 * Random large, hostile and broken bodies at both doors, with a client beside them that behaves: every body has an
 * answer in Kubernetes' form that is no fault of the server, and the client is answered at both doors after each.
 *
 *     FUZZ_SEED=7 FUZZ_RUNS=10000 NODE_OPTIONS=--experimental-vm-modules npx jest dist/test/security/body-fuzz   # hours, by hand
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { assertNever } from '../../src/lib/assert.js';
import { Code, isGrpcError } from '../../src/lib/grpc/index.js';
import { Prng } from '../../src/lib/prng.js';
import { maxRequestBytes } from '../../src/master/apiserver/limits.js';
import { waitFor } from '../cluster/etcd-processes.js';
import type { BodyRequest } from './body-fuzz.js';
import { bodyRequest } from './body-fuzz.js';
import type { DoorAnswer, Identity } from './two-doors.js';
import { told, TwoDoors } from './two-doors.js';

const seed = Number(process.env['FUZZ_SEED'] ?? 2);
const runs = Number(process.env['FUZZ_RUNS'] ?? 80);
const atOnce = 4;
const json = 'application/json';
/** Server-side apply answers so to fields that no schema has, as in Kubernetes. */
const applyFault = /^failed to create typed patch object/;

let doors: TwoDoors;
let user: Identity;
let other: Identity;

beforeAll(async () => {
  doors = await TwoDoors.start();
  [user, other] = [
    await doors.identity('fuzz', 'system:masters'),
    await doors.identity('behaves', 'system:masters'),
  ];
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  const metadata = { name: 'fuzz' };
  const inDefault = (path: string): string => `${path}/namespaces/default`;
  const made: readonly (readonly [path: string, body: object])[] = [
    [`${inDefault('/api/v1')}/serviceaccounts`, { metadata: { name: 'default' } }],
    [`${inDefault('/api/v1')}/configmaps`, { metadata, data: { a: 'b' } }],
    [`${inDefault('/api/v1')}/pods`, { metadata, spec: template.spec }],
    [
      `${inDefault('/apis/apps/v1')}/deployments`,
      { metadata, spec: { selector: { matchLabels: { a: 'b' } }, template } },
    ],
  ];
  for (const [path, body] of made) {
    const { code, message } = await doors.rest(other, 'POST', path, { body });
    expect([code, message]).toEqual([201, '']);
  }
}, 60_000);

afterAll(() => doors.stop());

const noSelectors = { labelSelector: '', fieldSelector: '' };
const methods = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE' } as const;

function pathOf({ resource, name, subresource }: BodyRequest): string {
  const group = resource === 'deployments' ? '/apis/apps/v1' : '/api/v1';
  const place = resource === 'namespaces' ? '' : '/namespaces/default';
  return [group + place, resource, name, subresource].filter((part) => part !== '').join('/');
}

async function byRest(request: BodyRequest): Promise<DoorAnswer | undefined> {
  const { verb, type, body } = request;
  const path = `${pathOf(request)}?fieldManager=fuzz`;
  // Node sends no length of a DELETE's body by itself.
  const headers = { 'content-type': type, 'content-length': String(body.length) };
  try {
    return await doors.rest(user, methods[verb], path, { body, headers });
  } catch (error) {
    // A body that is not read to its end may lose the connection before the answer is seen.
    if (body.length > maxRequestBytes) return undefined;
    throw error;
  }
}

function byGrpc({
  resource,
  name,
  subresource,
  verb,
  type,
  body,
}: BodyRequest): Promise<DoorAnswer> {
  const group = resource === 'deployments' ? 'apps' : '';
  const namespace = resource === 'namespaces' ? '' : 'default';
  const ref = { group, version: 'v1', resource, namespace, name, subresource };
  const options = { dryRun: false, fieldManager: 'fuzz', fieldValidation: 'Warn' };
  const api = doors.grpc(user);
  switch (verb) {
    case 'create':
      return told(api.create({ ref, object: body, options }));
    case 'update':
      return told(api.update({ ref, object: body, options }));
    case 'patch':
      return told(api.patch({ ref, patch: body, patchType: type, force: false, options }));
    case 'delete':
      return told(api.delete({ ref, deleteOptions: body, options, ...noSelectors }));
    default:
      return assertNever(verb, 'verb');
  }
}

/** A client that reads a small object at both doors, one after the other, until it is stopped. */
class Behaving {
  readonly failures: string[] = [];
  answers = 0;
  #isOver = false;
  readonly #loop = this.#run();

  async #run(): Promise<void> {
    const ref = {
      group: '',
      version: 'v1',
      resource: 'namespaces',
      namespace: '',
      name: 'default',
      subresource: '',
    };
    while (!this.#isOver) {
      const all = await Promise.all([
        doors.rest(other, 'GET', '/api/v1/namespaces/default'),
        told(doors.grpc(other).get({ ref, resourceVersion: '' })),
      ]).catch((error: unknown) => [{ code: 0, message: String(error) }]);
      for (const { code, message } of all)
        if (code !== 200) this.failures.push(`${code} ${message}`);
      this.answers++;
    }
  }

  stop(): Promise<void> {
    this.#isOver = true;
    return this.#loop;
  }
}

/** What is wrong with an answer; empty when nothing is. */
function fault(answer: DoorAnswer | undefined): string {
  if (answer === undefined) return '';
  const { code, reason, message, text } = answer;
  if (code === 200 || code === 201) return '';
  if (code === 500 && applyFault.test(message)) return '';
  if (code < 400 || code >= 500) return `${code} ${message.slice(0, 300)}`;
  return code === 429 || (reason !== '' && text.startsWith('{')) ? '' : `${code} has no reason`;
}

/** Messages that are longer than any are refused before a verb has them: in the form of gRPC. */
function isTooLong(error: unknown, { body }: BodyRequest): boolean {
  const isRefused = isGrpcError(error) && error.code === Code.ResourceExhausted;
  return isRefused && body.length > maxRequestBytes;
}

test('random bodies are answered, and so is a client beside them', async () => {
  const prng = new Prng(seed);
  const beside = new Behaving();
  const faults: string[] = [];
  const codes = new Map<string, number>();
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < runs) {
      const at = next++;
      const request = bodyRequest(prng.fork());
      const { form, type, body } = request;
      const isRest = (type !== json && !type.includes('patch+json')) || at % 2 === 0;
      const name = `seed ${seed}, ${at}: ${isRest ? 'REST' : 'gRPC'} ${form} of ${body.length}`;
      const answered = beside.answers;
      try {
        const answer = await (isRest ? byRest(request) : byGrpc(request));
        const text = fault(answer);
        if (text !== '') faults.push(`${name}: ${text}`);
        const key = answer === undefined ? 'cut' : `${answer.code}`;
        codes.set(key, (codes.get(key) ?? 0) + 1);
      } catch (error) {
        if (!isTooLong(error, request)) faults.push(`${name}: ${String(error)}`);
      }
      await waitFor('the client beside is answered', () => beside.answers > answered);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, send));
  await beside.stop();
  expect(faults).toEqual([]);
  expect(beside.failures).toEqual([]);
  // Of each sort some, or nothing was tried.
  for (const code of ['200', '201', '400', '413', '422']) {
    expect([code, codes.get(code) ?? 0]).not.toEqual([code, 0]);
  }
}, 3_600_000);
