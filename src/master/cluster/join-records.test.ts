import { expect, test } from '@jest/globals';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ApiError } from '../../client/types.js';
import { claimName, joinRecordName, joinRecordNamespace } from './join-records.js';

const [one, other] = [Uint8Array.of(1), Uint8Array.of(2)];

test("a free name is the first key's, again and again, and no other's", async () => {
  const client = new FakeApi();
  await expect(claimName(client, 'a', one)).resolves.toBe(true);
  await expect(claimName(client, 'a', other)).resolves.toBe(false);
  await expect(claimName(client, 'a', one)).resolves.toBe(true);
  await expect(claimName(client, 'b', other)).resolves.toBe(true);
});

test('of two that ask at the same time one gets it', async () => {
  const client = new FakeApi();
  const answers = await Promise.all([claimName(client, 'a', one), claimName(client, 'a', other)]);
  expect(answers).toEqual([true, false]);
});

test('a record that has gone in between is made anew', async () => {
  const client = new FakeApi();
  await claimName(client, 'a', other);
  const key = { namespace: joinRecordNamespace, name: joinRecordName('a') };
  let reads = 0;
  client.intercept = ({ verb, resource }) => {
    if (verb !== 'get' || resource.resource !== 'leases') return;
    reads += 1;
    client.intercept = () => undefined;
    void client.delete(resources.leases, key);
    throw new ApiError(404, 'NotFound', 'it has gone');
  };
  await expect(claimName(client, 'a', one)).resolves.toBe(true);
  expect(reads).toBe(1);
});

test('what the API refuses otherwise is thrown', async () => {
  const client = new FakeApi();
  client.intercept = () => {
    throw new ApiError(503, 'ServiceUnavailable', 'no leader');
  };
  await expect(claimName(client, 'a', one)).rejects.toThrow('no leader');
});

test('a record bears the name of its node, as long as a name may be', () => {
  expect(joinRecordName('node-1')).toBe('join-node-1');
  const long = 'n'.repeat(253);
  expect(joinRecordName(long)).toMatch(/^join-[0-9a-f]{64}$/);
  expect(joinRecordName(long)).not.toBe(joinRecordName(`${long.slice(1)}m`));
});
