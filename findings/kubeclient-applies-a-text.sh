#!/usr/bin/env bash
# Ruby's kubeclient 4.9.3 sends a Kubeclient::Resource that is to be applied as a text in quotes instead of an object:
# `apply_config_map(resource, field_manager: …)` sends `"#<Kubeclient::Resource …>"`, and the API server refuses it (400).
# `create_…` and `update_…` turn the resource into a hash first, `apply_…` calls to_json on it, which RecursiveOpenStruct
# does not have, so that the one of Ruby's json library for any object is called. A plain hash is applied as it should be.
#
# Seen with Debian bookworm's ruby-kubeclient 4.9.3 and ruby-recursive-open-struct 1.1.3 on Ruby 3.1, unpacked and not
# installed.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
apt-get download -q ruby-kubeclient=4.9.3\* ruby-recursive-open-struct=1.1.3\* ruby-addressable ruby-domain-name ruby-ffi \
  ruby-ffi-compiler ruby-http ruby-http-accept ruby-http-cookie ruby-http-form-data ruby-http-parser ruby-jsonpath \
  ruby-mime-types ruby-mime-types-data ruby-multi-json ruby-netrc ruby-public-suffix ruby-rest-client ruby-unf \
  ruby-unf-ext >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
cat >look.rb <<'RB'
require 'json'
require 'socket'
require 'kubeclient'

SENT = []
listener = TCPServer.new('127.0.0.1', 0)
KINDS = { kind: 'APIResourceList', resources: [{ name: 'configmaps', namespaced: true, kind: 'ConfigMap' }] }.freeze
Thread.new do
  loop do
    connection = listener.accept
    method, = connection.gets.split
    length = 0
    while (line = connection.gets.strip) != ''
      length = Regexp.last_match(1).to_i if line =~ /\Acontent-length: (\d+)/i
    end
    body = connection.read(length)
    SENT << body if method == 'PATCH'
    answer = (method == 'GET' ? KINDS : { kind: 'ConfigMap' }).to_json
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: #{answer.bytesize}\r\nConnection: close\r\n\r\n#{answer}")
    connection.close
  end
end

client = Kubeclient::Client.new("http://127.0.0.1:#{listener.addr[1]}/api", 'v1')
fields = { metadata: { name: 'one', namespace: 'home' }, data: { a: 'b' } }
client.apply_config_map(fields, field_manager: 'me')
client.apply_config_map(Kubeclient::Resource.new(fields), field_manager: 'me')
hash, resource = SENT.map { |text| JSON.parse(text) }
puts "a hash is sent as #{hash.class}, a resource as #{resource.class}: #{resource.inspect[0, 40]}…"
raise 'a hash is sent otherwise now' unless hash == JSON.parse(fields.to_json)
raise 'a resource is sent as an object: this has changed' unless resource.is_a?(String)
RB
paths=$(find "$dir/root" -path '*/gems/*/lib' -prune -print -o -name vendor_ruby -print -o -path '*/vendor_ruby/3.1.0' -print | paste -sd:)
RUBYLIB=$paths /usr/bin/ruby look.rb
