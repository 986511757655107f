import { expect, test } from '@jest/globals';
import { readLogOptions } from './log.js';

const read = (query: string) => readLogOptions(new URLSearchParams(query), 'p');
const none = { container: '', follow: false, previous: false, timestamps: false, sinceTime: '' };

test.each<[string, object]>([
  ['', none],
  [
    'container=c&follow=true&previous=1&timestamps',
    { ...none, container: 'c', follow: true, previous: true, timestamps: true },
  ],
  ['tailLines=0&limitBytes=1', { ...none, tailLines: 0, limitBytes: 1 }],
  ['sinceSeconds=1', { ...none, sinceSeconds: 1 }],
  ['sinceTime=2026-01-01T00:00:00Z', { ...none, sinceTime: '2026-01-01T00:00:00Z' }],
])('options of logs: %s', (query, options) => {
  expect(read(query)).toEqual(options);
});

const head = 'PodLogOptions "p" is invalid: ';
test.each([
  ['tailLines=-1', 422, `${head}tailLines: Invalid value: -1: must be greater than or equal to 0`],
  ['sinceSeconds=0', 422, `${head}sinceSeconds: Invalid value: 0: must be greater than 0`],
  ['limitBytes=0', 422, `${head}limitBytes: Invalid value: 0: must be greater than 0`],
  ['tailLines=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  [
    'sinceTime=yesterday',
    400,
    'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
  ],
  [
    'sinceTime=2026-01-01T00:00:00Z&sinceSeconds=5',
    422,
    `${head}: Forbidden: at most one of \`sinceTime\` or \`sinceSeconds\` may be specified`,
  ],
])('refused: %s', (query, code, message) => {
  expect(() => read(query)).toThrow(expect.objectContaining({ code, message }));
});
