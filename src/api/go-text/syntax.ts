/**
 * Values as Go's `%#v` prints them: what Kubernetes 1.33 shows of a value in an error that is neither text nor number.
 * Pure.
 */
import { isJsonObject } from '../object.js';
import { formatJson } from '../../lib/json.js';
import { goQuote } from './quote.js';

/** Most bytes of a text that are written out; errors are cut there anyway. */
const maxShownBytes = 4096;

/** Text that stands for a value and is shown as it is. */
export class GoSyntax {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** `map[string]string{"a":"b"}` in the order of keys; `map[string]string(nil)` where there is none. */
export function goStringMap(value: unknown): string {
  if (!isJsonObject(value)) return 'map[string]string(nil)';
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${goQuote(key)}:${goQuote(String(value[key]))}`);
  return `map[string]string{${entries.join(', ')}}`;
}

/** A JSON value as Go decodes it into `interface {}`. */
export function goInterface(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goInterface).join(', ')}}`;
  if (!isJsonObject(value)) return formatJson(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${goQuote(key)}:${goInterface(value[key])}`);
  return `map[string]interface {}{${entries.join(', ')}}`;
}

/** `[]string{"a"}`; `[]string(nil)` where there is none. */
export function goStrings(value: unknown): string {
  if (!Array.isArray(value)) return '[]string(nil)';
  return `[]string{${value.map((item) => goQuote(String(item))).join(', ')}}`;
}

/** Bytes that stand as base64 in JSON: `[]byte{0x61}`; `[]byte(nil)` where there are none. */
export function goBytes(base64: string | undefined): GoSyntax {
  if (base64 === undefined) return new GoSyntax('[]byte(nil)');
  const bytes = [...Buffer.from(base64, 'base64').subarray(0, maxShownBytes)];
  return new GoSyntax(`[]byte{${bytes.map((byte) => `0x${byte.toString(16)}`).join(', ')}}`);
}

/** A number or percentage; other values stay what they are. */
export function goIntOrString(value: unknown): unknown {
  if (typeof value === 'number')
    return new GoSyntax(`intstr.IntOrString{Type:0, IntVal:${value}, StrVal:""}`);
  if (typeof value !== 'string') return value;
  return new GoSyntax(`intstr.IntOrString{Type:1, IntVal:0, StrVal:${goQuote(value)}}`);
}

const requirement = 'v1.LabelSelectorRequirement';

function goRequirement(value: unknown): string {
  const { key = '', operator = '', values } = isJsonObject(value) ? value : {};
  const shown = goStrings(values);
  return `${requirement}{Key:${goQuote(String(key))}, Operator:${goQuote(String(operator))}, Values:${shown}}`;
}

/** A label selector; other values stay what they are. */
export function goLabelSelector(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const { matchLabels, matchExpressions } = value;
  const items = Array.isArray(matchExpressions)
    ? `{${matchExpressions.map(goRequirement).join(', ')}}`
    : '(nil)';
  return new GoSyntax(
    `v1.LabelSelector{MatchLabels:${goStringMap(matchLabels)}, MatchExpressions:[]${requirement}${items}}`,
  );
}
