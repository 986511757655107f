import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DecodeError } from '../../../api/schema/decode.js';
import { parseJsonBody } from '../../../api/schema/json-text.js';
import { parseYamlBody } from '../../../api/schema/yaml-text.js';
import { systemClock } from '../../../lib/clock.js';
import { jsonAsideBytes, maxBodyBytesPerUser, yamlAsideBytes } from '../limits.js';
import { BodyParser } from './body-parser.js';

let parser: BodyParser;

beforeEach(() => {
  parser = new BodyParser(systemClock({ unref: true }));
});

afterEach(() => parser.close());

/** As {@link parseYamlBody} and the like answer: a value, or an error's text. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return error.message;
  }
}

const json = 'application/json';
const yaml = 'application/yaml';
const longKey = 'x'.repeat(jsonAsideBytes);

describe('a body that is read beside the event loop', () => {
  it.each([
    `{"a": 1, "b": ["ü", null, -0.5, 1e400, 12345678901234567890], "${longKey}": {}}`,
    `{"a": 1, "a": 2, "__proto__": {"c": 3}, "${longKey}": 0}`,
    `{"a": 1,, "${longKey}": 0}`,
    '['.repeat(jsonAsideBytes),
  ])('is what JSON makes of it here', async (text) => {
    const there = await outcome(() => parser.parse(Buffer.from(text), json, true, 'u'));
    expect(there).toEqual(await outcome(() => parseJsonBody(text, true)));
  });

  it.each([
    `a: 0x10\nb: yes\nc: 1:30\nd: ~\n__proto__: 1\n${'x'.repeat(yamlAsideBytes)}: 1.5\n`,
    `a: 1\na: 2\n${'x'.repeat(yamlAsideBytes)}: 0\n`,
    `a: ${'- '.repeat(yamlAsideBytes)}`,
    'a: &a [1, 2]\nb: *a\n',
    `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from(
      { length: 8 },
      (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(9)}]`,
    ).join('\n')}`,
  ])('is what YAML makes of it here', async (text) => {
    const there = await outcome(() => parser.parse(Buffer.from(text), yaml, true, 'u'));
    expect(there).toEqual(await outcome(() => parseYamlBody(text)));
  });

  it('lets the event loop turn meanwhile, and small bodies pass it', async () => {
    const large = `{"${longKey}": ${'['.repeat(900)}${']'.repeat(900)}}`;
    const order: string[] = [];
    const done = (name: string) => () => order.push(name);
    const all = [
      parser.parse(Buffer.from(large), json, true, 'u').then(done('large')),
      parser.parse(Buffer.from('{}'), json, true, 'u').then(done('small')),
      new Promise<void>((resolve) => setImmediate(resolve)).then(done('turn')),
    ];
    await Promise.all(all);
    expect(order).toEqual(['small', 'turn', 'large']);
  });

  it('of one user waits behind one of another, however many that one has sent', async () => {
    const text = Buffer.from(`{"${longKey}": 0}`);
    const order: string[] = [];
    const send = (user: string): Promise<unknown> =>
      parser.parse(text, json, true, user).then(() => order.push(user));
    await Promise.all([...Array.from({ length: 8 }, () => send('many')), send('one')]);
    // Behind the one that was begun, and one more.
    expect(order.indexOf('one')).toBeLessThanOrEqual(2);
  });

  it('of a user with many that wait is told to come again, and others are not', async () => {
    const small = Buffer.from('a: &a 1\nb: *a\n');
    const send = (user: string): Promise<string> =>
      parser.parse(small, yaml, true, user).then(
        () => 'read',
        (error: Error) => error.message,
      );
    const sent = Array.from({ length: 33 }, () => send('many'));
    sent.push(send('one'));
    const answers = await Promise.all(sent);
    expect(answers.filter((answer) => answer === 'read')).toHaveLength(33);
    expect(answers[32]).toMatch(/^Too many requests/);
    expect(await send('many')).toBe('read');
    expect(maxBodyBytesPerUser).toBe(32 * 1024 * 1024);
  });

  it('is refused when the server stops', async () => {
    const answer = parser.parse(Buffer.from(`{"${longKey}": 0}`), json, true, 'u');
    const closed = parser.close();
    await expect(answer).rejects.toThrow('the server stops');
    await closed;
  });
});

describe('a JSON patch', () => {
  it('that copies is applied beside the event loop, with the same outcome', async () => {
    const target = { metadata: { labels: { a: 'b' } } };
    const copy = (count: number) =>
      Array.from({ length: count }, (_, at) => ({
        op: 'copy',
        from: '/metadata',
        path: `/metadata/x${at}`,
      }));
    const once = await parser.applyJsonPatch(target, copy(1), 'u');
    expect(once).toEqual({ metadata: { labels: { a: 'b' }, x0: { labels: { a: 'b' } } } });
    const often = parser.applyJsonPatch(target, copy(40), 'u');
    await expect(often).rejects.toMatchObject({ reason: 'Invalid' });
    expect(target).toEqual({ metadata: { labels: { a: 'b' } } });
  });
});
