/** Kubernetes' libraries by the examples of their documentation, and errors in cel-go's words. */
import { describe, expect, test } from '@jest/globals';
import { compile, Program } from './environment.js';
import type { CelType } from './types.js';
import { types } from './types.js';

function value(source: string): unknown {
  const program = compile(source, { variables: new Map() });
  if (!(program instanceof Program)) return program.text;
  const outcome = program.run(() => undefined, 1_000_000);
  return outcome.error === undefined ? outcome.value : outcome.error.message;
}

const holds = `
quantity("200M").compareTo(quantity("0.2G")) == 0
quantity("50Mi").isGreaterThan(quantity("50M"))
quantity("50M").isLessThan(quantity("100M"))
quantity("50k").add(20).sub(quantity("100k")).sub(-50000) == quantity("20")
quantity("50k").asInteger() == 50000
quantity("1500m").asApproximateFloat() == 1.5
sign(quantity("-3")) == -1
isQuantity("1.3Gi") && !isQuantity("1,3G") && !isQuantity("200K")
ip("127.0.0.1").family() == 4 && ip("::1").family() == 6
ip("::1").isLoopback() && !ip("2001:db8::abcd").isLoopback()
ip("0.0.0.0").isUnspecified() && ip("224.0.0.1").isLinkLocalMulticast()
ip("169.254.169.254").isLinkLocalUnicast() && !ip("fd80::1").isLinkLocalUnicast()
ip("192.168.0.1").isGlobalUnicast() && !ip("255.255.255.255").isGlobalUnicast()
isIP("127.0.0.1") && !isIP(":::1") && !isIP("127.0.0.256") && !isIP("::ffff:1.2.3.4")
ip.isCanonical("2001:db8::abcd") && !ip.isCanonical("2001:DB8::ABCD")
!ip.isCanonical("2001:db8::0:0:0:abcd") && string(ip("2001:db8:0:0:1::1")) == "2001:db8::1:0:0:1"
cidr("192.168.0.0/24").containsIP("192.168.0.1") && !cidr("192.168.0.0/24").containsIP(ip("192.168.1.1"))
cidr("192.168.0.0/16").containsCIDR("192.168.10.0/24") && !cidr("192.168.1.0/24").containsCIDR(cidr("192.168.2.0/24"))
cidr("192.168.0.1/24").masked() == cidr("192.168.0.0/24") && cidr("::1/128").prefixLength() == 128
string(cidr("192.168.0.0/24").ip()) == "192.168.0.0" && !isCIDR("192.168.0.0/33")
url("https://user:pass@example.com:80/path?k1=a&k2=b&k2=c#f").getHost() == "example.com:80"
url("https://[::1]:80/").getHostname() == "::1" && url("https://[::1]/").getHost() == "[::1]"
url("https://example.com/path with spaces/").getEscapedPath() == "/path%20with%20spaces/"
url("https://example.com/path?k1=a&k2=b&k2=c").getQuery() == {"k1": ["a"], "k2": ["b", "c"]}
url("/path").getScheme() == "" && url("https://example.com:80/").getPort() == "80"
isURL("/absolute-path") && !isURL("https://a:b:c/") && !isURL("../relative-path")
"abc 123".find("[0-9]+") == "123" && "abc".find("[0-9]+") == ""
"123 abc 456".findAll("[0-9]+") == ["123", "456"] && "1 2 3".findAll("[0-9]", 2) == ["1", "2"]
[1, 2, 3].isSorted() && ![2.0, 1.0].isSorted() && ["a", "b", "b"].isSorted()
[1, 3].sum() == 4 && [1.5, 2.0].sum() == 3.5 && [duration("1m"), duration("1s")].sum() == duration("61s")
[1, 3].min() == 1 && [1, 3].max() == 3 && ["b", "a"].min() == "a"
[1, 2, 2, 3].indexOf(2) == 1 && ["a", "b", "b"].lastIndexOf("b") == 2 && [1.0].indexOf(1.1) == -1
sets.contains([1, 2, 3], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.intersects([1], [2])
!format.dns1123Label().validate("my-label-name").hasValue()
format.dns1123Label().validate("My").hasValue() && format.uuid().validate("x").value() == ["does not match the UUID format"]
format.named("qualifiedName").hasValue() && !format.named("unknown").hasValue()
semver("1.2.3").isLessThan(semver("1.10.0")) && semver("1.0.0-alpha").isLessThan(semver("1.0.0"))
isSemver("v1.0", true) && !isSemver("v1.0") && semver("01.01.01", true) == semver("1.1.1")
"a,b,c".split(",", 2) == ["a", "b,c"] && "hello".substring(1, 3) == "el" && ["a", "b"].join("-") == "a-b"
"this is %s, %d, %x, %b".format([dyn("a"), 3, 255, 5]) == "this is a, 3, ff, 101"
"TacoCat".lowerAscii() == "tacocat" && " a ".trim() == "a" && "abc".replace("b", "x") == "axc"
[1, 2, 3].transformList(i, v, i > 0, v * 2) == [4, 6]
{"a": 1}.transformMap(k, v, v + 1) == {"a": 2} && {"a": 1}.all(k, v, k == "a" && v == 1)
optional.of(1).orValue(2) == 1 && optional.none().orValue(2) == 2 && {"a": 1}[?"b"].orValue(5) == 5
{"a": {"b": 1}}.?a.?b.optMap(x, x + 1) == optional.of(2) && {"a": 1}.?x.or(optional.of(3)).value() == 3
timestamp("2023-08-26T12:39:00-07:00").getHours() == 19 && duration("90m").getHours() == 1
type(1) == int && type("") == string && type([]) == list && type(ip("1.1.1.1")) == net.IP
`
  .trim()
  .split('\n');

describe('libraries', () => {
  test.each(holds)('%s', (source) => {
    expect(value(source)).toBe(true);
  });
});

describe('errors', () => {
  const self: ReadonlyMap<string, CelType> = new Map([['self', types.int]]);

  test.each([
    [
      '1 + ',
      "ERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 + \n | ....^",
    ],
    [
      'self does not compile',
      "ERROR: <input>:1:6: Syntax error: mismatched input 'does' expecting <EOF>\n | self does not compile\n | .....^",
    ],
    ['this', "ERROR: <input>:1:1: undeclared reference to 'this' (in container '')\n | this\n | ^"],
    [
      'self.a',
      "ERROR: <input>:1:5: type 'int' does not support field selection\n | self.a\n | ....^",
    ],
    [
      'self == "a"',
      "ERROR: <input>:1:6: found no matching overload for '_==_' applied to '(int, string)'\n | self == \"a\"\n | .....^",
    ],
    [
      'self.startsWith("a")',
      "ERROR: <input>:1:16: found no matching overload for 'startsWith' applied to 'int.(string)'\n | self.startsWith(\"a\")\n | ...............^",
    ],
    [
      'self.all(x, true)',
      "ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.all(x, true)\n | ^",
    ],
    [
      '[1, "a"]',
      "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, \"a\"]\n | ....^",
    ],
    [
      'nope(1) || nada',
      "ERROR: <input>:1:5: undeclared reference to 'nope' (in container '')\n | nope(1) || nada\n | ....^\nERROR: <input>:1:12: undeclared reference to 'nada' (in container '')\n | nope(1) || nada\n | ...........^",
    ],
    ['has(self)', 'ERROR: <input>:1:5: invalid argument to has() macro\n | has(self)\n | ....^'],
    ['if', 'ERROR: <input>:1:1: reserved identifier: if\n | if\n | ^'],
    [
      '"é" + 1',
      "ERROR: <input>:1:5: found no matching overload for '_+_' applied to '(string, int)'\n | \"é\" + 1\n | .．..^",
    ],
    [
      '"a".matches("[")',
      'ERROR: <input>:1:13: invalid matches argument\n | "a".matches("[")\n | ............^',
    ],
    [
      'duration("1x") == duration("1s")',
      'ERROR: <input>:1:10: invalid duration argument\n | duration("1x") == duration("1s")\n | .........^',
    ],
  ])('%s does not compile', (source, text) => {
    expect(compile(source, { variables: self })).toEqual({ reason: 'compilation', text });
  });

  test.each([
    ['{"a": 1}["b"]', 'no such key: b'],
    ['{"a": 1}.b', 'no such key: b'],
    ['[1][1]', 'index out of bounds: 1'],
    ['1 / 0', 'division by zero'],
    ['1 % 0', 'modulus by zero'],
    ['9223372036854775807 + 1', 'integer overflow'],
    ['dyn(1) + "a"', 'no such overload: _+_(int, string)'],
    ['optional.none().value()', 'optional.none() dereference'],
    [
      'quantity("x")',
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    ['[].min()', 'min called on empty list'],
  ])('%s fails', (source, text) => {
    expect(value(source)).toBe(text);
  });

  test('either side of && and || may decide alone, and quantifiers go on after an error', () => {
    expect(value('false && 1 / 0 > 0')).toBe(false);
    expect(value('1 / 0 > 0 || true')).toBe(true);
    expect(value('[0, 1].exists(x, 1 / x > 0)')).toBe(true);
    expect(value('[0, 1].all(x, 1 / x > 1)')).toBe(false);
    expect(value('[0, 1].all(x, 1 / x > 0)')).toBe('division by zero');
  });
});
