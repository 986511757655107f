#!/usr/bin/env bash
# dns-packet 5.6.1 joins the labels of a name with dots and splits names at dots, so a label that holds a dot does not
# survive: a message that is decoded and encoded again asks for another name, and two different names decode to the same text.
#
# Such labels are ordinary where services are announced (RFC 6763, section 4.3: "Dots and other characters in instance
# names"): a printer "Printer 2.0" is the label `Printer 2.0`, eleven bytes. A forwarder that passes on what it
# has decoded asks for the labels `Printer 2` and `0` instead.
#
# Seen with dns-packet 5.6.1 on Node.js 20.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error dns-packet@5.6.1 >/dev/null
cat >look.cjs <<'JS'
const dns = require('dns-packet');
const assert = require('node:assert');

// A query for the PTR record of a name, given label by label.
function query(...labels) {
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const head = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...parts, Buffer.from([0, 0, 12, 0, 1])]);
}

const one = query('Printer 2.0', '_ipp', '_tcp', 'local');
const other = query('Printer 2', '0', '_ipp', '_tcp', 'local');
const name = dns.decode(one).questions[0].name;
console.log('both decode to:', name);
assert.equal(name, 'Printer 2.0._ipp._tcp.local');
assert.equal(dns.decode(other).questions[0].name, name);

const again = dns.encode(dns.decode(one));
console.log('encoded again it is the first:', again.equals(one), '- the other:', again.equals(other));
assert.ok(!again.equals(one));
assert.ok(again.equals(other));
JS
node look.cjs
