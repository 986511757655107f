#!/usr/bin/env bash
# `iptables-restore --noflush` of iptables 1.8.9 (nf_tables) takes time that grows with the square of the chains in a
# transaction; the same input without --noflush, or cut into many transactions, takes time that grows with its length.
#
# A service proxy loads its rules with --noflush, since others have chains beside its own. With ten endpoints a service
# (eleven chains), a thousand services cost about twenty times the processor time of the same lines without the flag;
# five thousand do not come to an end within minutes. Cut into transactions of 25 services each (a COMMIT more, in the
# same input of one call) they cost what they cost without the flag. Atomicity is then that of each transaction.
#
# Shown as a ratio of processor times, in a network namespace of its own that ends with the command. Needs root.
#
# Seen with Debian 12's iptables 1.8.9-2, libxtables12 1.8.9-2, libnftnl11 1.2.4-2: 3.1 s, 0.17 s without the flag, 0.17 s cut.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
apt-get -q download iptables=1.8.9-2 libxtables12=1.8.9-2 libnftnl11=1.2.4-2 >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$(dirname "$(find "$dir/root" -name 'libxtables.so.12')")
export LD_LIBRARY_PATH=$libraries XTABLES_LIBDIR=$libraries/xtables
restore=("$dir/root/usr/sbin/xtables-nft-multi" iptables-restore)
"${restore[@]}" --version | grep -q '^iptables-restore v1.8.9 (nf_tables)$'

services=1000
rules() { # SERVICES OF A TRANSACTION
  awk -v all="$services" -v each="$1" 'BEGIN {
    for (from = 0; from < all; from += each) {
      print "*nat"
      for (i = from; i < from + each; i++) {
        print ":SERVICE-" i " - [0:0]"
        for (e = 0; e < 10; e++) print ":ENDPOINT-" i "-" e " - [0:0]"
      }
      for (i = from; i < from + each; i++) for (e = 0; e < 10; e++) {
        print "-A SERVICE-" i " -j ENDPOINT-" i "-" e
        print "-A ENDPOINT-" i "-" e " -p tcp -j DNAT --to-destination 192.0.2.1:80"
      }
      print "COMMIT"
    }
  }'
}
TIMEFORMAT='%U'
spent() { # INPUT FLAGS: seconds of the processor
  { time unshare -n "${restore[@]}" "${@:2}" <"$1"; } 2>&1
}
rules "$services" >one
rules 25 >many
slow=$(spent one --noflush) whole=$(spent one) cut=$(spent many --noflush)
echo "$services services: $slow s with --noflush, $whole s without, $cut s in transactions of 25"
awk -v slow="$slow" -v whole="$whole" -v cut="$cut" 'BEGIN { exit !(slow > 5 * whole && slow > 5 * cut) }'
