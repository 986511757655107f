import { expect, test } from '@jest/globals';
import { ApiError } from '../../client/types.js';
import { bodyOf, editorText, invalidReason, isBlank, meansTheSame } from './edit-text.js';

const body = 'kind: Pod\ndata:\n  run: |\n    # not a comment\n    true\n';
const refused = new ApiError(422, 'Invalid', 'x', {
  details: {
    causes: [
      { field: 'spec', message: 'Forbidden: no\n  details' },
      { field: 'spec.a', message: 'Required value' },
    ],
  },
});

test('the text of an editor begins with what to do, and with what was wrong', () => {
  expect(editorText(body, { json: false, reason: undefined })).toBe(
    `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
${body}`,
  );
  const reason = invalidReason({ plural: 'pods', name: 'a' }, refused);
  expect(editorText(body, { json: false, reason }).split('\n').slice(4, 10)).toEqual([
    '# pods "a" was not valid:',
    '# * spec: Forbidden: no',
    '#   details',
    '# * spec.a: Required value',
    '#',
    'kind: Pod',
  ]);
  const broken = { head: 'The edited file had a syntax error: line 1\nline 2', fields: [] };
  expect(editorText('', { json: false, reason: broken })).toMatch(/error: line 1\n# line 2\n#\n$/);
  expect(editorText('{}', { json: true, reason })).toBe('{}');
});

test('the body of a text is what stood in it, however often it was opened', () => {
  const reason = invalidReason({ plural: 'pods', name: 'a' }, refused);
  for (const given of [undefined, reason]) {
    expect(bodyOf(editorText(body, { json: false, reason: given }), false)).toBe(body);
  }
  expect(bodyOf('# all\n# of it', false)).toBe('');
  expect(bodyOf('#1\n{}', true)).toBe('#1\n{}');
});

test('an invalid object without causes still has a reason', () => {
  const reason = invalidReason({ plural: 'pods', name: 'a' }, { details: null });
  expect(reason).toEqual({ head: 'pods "a" was not valid', fields: [] });
});

test.each([
  ['', true],
  ['\n \t\n', true],
  ['# a\n  # b\n', true],
  ['# a\nx', false],
  ['a: 1 # b', false],
])('%j is blank: %s', (text, blank) => {
  expect(isBlank(text)).toBe(blank);
});

test.each([
  ['the same', 'a: 1\nb: 2\n', 'a: 1\nb: 2\n', true],
  ['another order', 'a: 1\nb: 2\n', 'b: 2\na: 1\n', true],
  ['a comment more', 'a: 1\n', '# x\na: 1 # y\n', true],
  ['another style', 'a: [1]\n', 'a:\n- 1\n', true],
  ['another value', 'a: 1\n', 'a: 2\n', false],
  ['a text in place of a number', 'a: 1\n', 'a: "1"\n', false],
  ['a line of a script that looks like a comment', body, body.replace(/ {4}#.*\n/, ''), false],
  ['both cannot be read, and differ in comments', 'a: [\n', '# x\na: [\n', true],
  ['both cannot be read, and differ', 'a: [\n', 'a: [1\n', false],
  ['one cannot be read', 'a: 1\n', 'a: [\n', false],
])('%s', (_, a, b, same) => {
  expect(meansTheSame(a, b)).toBe(same);
});
