import { expect, test } from '@jest/globals';
import { encode } from 'dns-packet';
import type { DecodedPacket } from 'dns-packet';
import { answersQuestion, questionProblem } from './question.js';

const question = { type: 'A' as const, name: 'web.example' };
const good = encode({ type: 'query', id: 7, questions: [question] });

/** The same with other counts in its header. */
function counts(questions: number, answers = 0, authorities = 0, additionals = 0): Buffer {
  const message = Buffer.from(good);
  [questions, answers, authorities, additionals].forEach((count, index) =>
    message.writeUInt16BE(count, 4 + 2 * index),
  );
  return message;
}

/** A question for these labels. */
function labels(...parts: readonly (string | Buffer)[]): Buffer {
  const body = parts.map((part) => {
    const bytes = Buffer.from(part);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  return Buffer.concat([good.subarray(0, 12), ...body, Buffer.from([0, 0, 1, 0, 1])]);
}

test.each<readonly [string, Buffer, string | undefined]>([
  ['a question', good, undefined],
  ['the root', labels(), undefined],
  ['nothing', Buffer.alloc(0), 'FORMERR'],
  ['a header alone', good.subarray(0, 12), 'FORMERR'],
  ['no question', counts(0), 'FORMERR'],
  ['two questions', counts(2), 'FORMERR'],
  ['as many records as can be said', counts(1, 65_535, 65_535, 65_535), 'FORMERR'],
  ['many additional records', counts(1, 0, 0, 65_535), 'FORMERR'],
  ['one additional record', counts(1, 0, 0, 1), undefined],
  ['a name that is cut off', good.subarray(0, 16), 'FORMERR'],
  [
    'a pointer to itself',
    Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
    'FORMERR',
  ],
  [
    'a pointer into the header',
    Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 0, 0, 1, 0, 1])]),
    'FORMERR',
  ],
  [
    'a label of a kind nobody knows',
    Buffer.concat([good.subarray(0, 12), Buffer.from([0x80, 0])]),
    'FORMERR',
  ],
  ['255 bytes of labels', labels(...Array.from({ length: 127 }, () => 'a')), undefined],
  ['a name that is too long', labels(...Array.from({ length: 130 }, () => 'a')), 'FORMERR'],
  ['a dot within a label', labels('web.default', 'svc'), 'REFUSED'],
  ['bytes that are no UTF-8', labels(Buffer.alloc(63, 0xff)), 'REFUSED'],
  ['a NUL', labels('a\0b'), 'REFUSED'],
  ['more bytes than any question', Buffer.concat([good, Buffer.alloc(5000)]), 'FORMERR'],
])('%s', (_, message, problem) => {
  expect(questionProblem(message)).toBe(problem);
});

test('an answer is one to the question that was asked', () => {
  const packet = (change: Partial<DecodedPacket>): DecodedPacket =>
    ({ type: 'response', id: 7, questions: [question], ...change }) as DecodedPacket;
  expect(answersQuestion(packet({}), 7, question)).toBe(true);
  expect(
    answersQuestion(packet({ questions: [{ ...question, name: 'WEB.example.' }] }), 7, question),
  ).toBe(true);
  for (const change of [
    { id: 8 },
    { type: 'query' as const },
    { questions: [] },
    { questions: [question, question] },
    { questions: [{ ...question, name: 'evil.example' }] },
    { questions: [{ ...question, type: 'AAAA' as const }] },
  ]) {
    expect(answersQuestion(packet(change), 7, question)).toBe(false);
  }
});
