/** The order of the answers for a headless service: clients that take the first spread over the endpoints. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { TestNameServer } from '../testkit/name-server.js';

let turn = 0;
let server: TestNameServer;
beforeAll(async () => {
  const path = 'src/netproxy/dns/testdata/cluster.yaml';
  server = await TestNameServer.start(path, (count) => turn % count);
});
afterAll(() => server.end());

async function order(question: string): Promise<string> {
  const lines = (await server.ask(question)).split('\n');
  const answers = lines.filter((line) => line.startsWith('answer '));
  return answers.map((line) => line.split(' ').at(-1)?.split('.').slice(0, 4).join('.')).join(' ');
}

test.each([
  [0, '10.244.1.5 10.244.2.5 10.244.2.9'],
  [1, '10.244.2.5 10.244.2.9 10.244.1.5'],
  [2, '10.244.2.9 10.244.1.5 10.244.2.5'],
  [3, '10.244.1.5 10.244.2.5 10.244.2.9'],
])('turn %i', async (at, wanted) => {
  turn = at;
  expect(await order('A db.default.svc.cluster.local')).toBe(wanted);
});

test('what is cut off is another part every time', async () => {
  turn = 40;
  expect(await order('A many.default.svc.cluster.local')).toMatch(
    /^10\.244\.9\.41 10\.244\.9\.42 /,
  );
});
