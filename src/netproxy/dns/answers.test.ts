/** Golden files: questions in, the name server's answers out. `UPDATE=1` records them anew. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compareGolden, goldenNames } from '../../lib/testkit/golden.js';
import { TestNameServer } from '../testkit/name-server.js';

const directory = 'src/netproxy/dns/testdata/answers';
let server: TestNameServer;

beforeAll(async () => {
  server = await TestNameServer.start('src/netproxy/dns/testdata/cluster.yaml');
});
afterAll(() => server.end());

describe('answers', () => {
  test.each(goldenNames(directory))('%s', async (name) => {
    const { found, wanted } = await compareGolden(directory, name, async (questions) => {
      const answers = (questions as readonly string[]).map(
        async (question) => `> ${question}\n${await server.ask(question)}`,
      );
      return (await Promise.all(answers)).join('\n');
    });
    expect(found).toBe(wanted);
  });
});
