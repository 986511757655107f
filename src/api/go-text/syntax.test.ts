import { describe, expect, test } from '@jest/globals';
import { formatFieldError, invalid } from '../field-error.js';
import { GoSyntax, goIntOrString, goLabelSelector, goStringMap } from './syntax.js';

/** The text of an error that shows a value. */
function shown(value: unknown): string {
  return formatFieldError(invalid('spec.x', value, 'no'));
}

// Each right side is what Kubernetes 1.33 answered.
describe('values in errors', () => {
  test.each([
    [new GoSyntax(goStringMap({ c: 'd', a: 'b' })), 'map[string]string{"a":"b", "c":"d"}'],
    [new GoSyntax(goStringMap(undefined)), 'map[string]string(nil)'],
    [goIntOrString('x'), 'intstr.IntOrString{Type:1, IntVal:0, StrVal:"x"}'],
    [goIntOrString(5), 'intstr.IntOrString{Type:0, IntVal:5, StrVal:""}'],
    [
      goLabelSelector({ matchLabels: { a: 'b' } }),
      'v1.LabelSelector{MatchLabels:map[string]string{"a":"b"}, ' +
        'MatchExpressions:[]v1.LabelSelectorRequirement(nil)}',
    ],
    [
      goLabelSelector({ matchExpressions: [{ key: 'c', operator: 'In', values: ['d'] }] }),
      'v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement' +
        '{v1.LabelSelectorRequirement{Key:"c", Operator:"In", Values:[]string{"d"}}}}',
    ],
    [goLabelSelector(undefined), '"null"'],
    [null, '"null"'],
    ['a"b', '"a\\"b"'],
  ])('%j', (value, text) => {
    expect(shown(value)).toBe(`spec.x: Invalid value: ${text}: no`);
  });
});
