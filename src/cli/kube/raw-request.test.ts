/** `--raw` in front of a server that keeps the bytes it got. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { processContext } from '../context.js';
import { run } from '../main.js';

/** No UTF-8, and no JSON. */
const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x0d, 0x0a, 0xc3, 0x28]);
const home = mkdtempSync(join(tmpdir(), 'trireme-raw-'));
const file = join(home, 'bytes');
const got: { readonly method: string; readonly url: string; readonly body: Buffer }[] = [];
let server: http.Server;

beforeAll(async () => {
  writeFileSync(file, bytes);
  server = http.createServer((request, response) => {
    void buffer(request).then((body) => {
      got.push({ method: request.method ?? '', url: request.url ?? '', body });
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.close();
  rmSync(home, { recursive: true });
});

async function send(words: readonly string[], input: Buffer): Promise<Buffer[]> {
  got.length = 0;
  const { port } = server.address() as AddressInfo;
  const code = await run([...words, `--server=http://127.0.0.1:${port}`], {
    ...processContext,
    out: () => undefined,
    input: () => Readable.from([input]),
  });
  expect(code).toBe(0);
  return got.filter(({ url }) => url === '/x?y=z').map(({ body }) => body);
}

test.each(['create', 'replace', 'delete'])('%s sends a file as it is', async (verb) => {
  expect(await send([verb, '--raw', '/x?y=z', '-f', file], Buffer.alloc(0))).toEqual([bytes]);
});

test('standard input is sent as it is', async () => {
  expect(await send(['create', '--raw', '/x?y=z', '-f', '-'], bytes)).toEqual([bytes]);
});
