#!/usr/bin/env bash
# The official Kubernetes client for Python (22.6.0) does not see a WebSocket message that has come already, if it came in
# one TLS record with the message before: before each message it polls the socket, and what the TLS library has read and
# decrypted is not in the socket any more. `exec` then hangs until the server sends something else; servers that ping every
# 30 seconds make it 30 seconds late, others for ever.
#
# RFC 8446 (5.1) leaves it to a TLS implementation how many messages go into a record, so a server (or a proxy in
# between) that hands two messages to its TLS library in one write is right. kube-apiserver writes each by itself, so that
# the client works with it.
#
# Here a server sends two lines of a command and its end: in three writes they are there at once, in one write they are
# there when the server, two seconds later, says anything at all.
#
# Seen with Debian bookworm's python3-kubernetes 22.6.0 and python3-websocket 1.2.3 on Python 3.11, unpacked and not
# installed.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
apt-get download -q python3-kubernetes=22.6.0\* python3-websocket=1.2.3\* python3-certifi python3-dateutil python3-google-auth \
  python3-requests python3-requests-oauthlib python3-oauthlib python3-setuptools python3-pkg-resources python3-six \
  python3-urllib3 python3-yaml python3-cachetools python3-pyasn1 python3-pyasn1-modules python3-rsa python3-idna \
  python3-chardet python3-charset-normalizer >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost -keyout key.pem \
  -out cert.pem >/dev/null 2>&1
cat >look.py <<'PY'
import base64, hashlib, json, socket, ssl, threading, time

from kubernetes import client
from kubernetes.stream import stream

PAUSE = 2


def frame(opcode, payload):
    assert len(payload) < 126
    return bytes([0x80 | opcode, len(payload)]) + payload


def serve(listener, context, in_one):
    with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: v4.channel.k8s.io\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        status = json.dumps({"status": "Success"}).encode()
        messages = [frame(2, b"\x01one\n"), frame(2, b"\x01two\n"), frame(2, b"\x03" + status), frame(8, b"\x03\xe8")]
        for part in [b"".join(messages)] if in_one else messages:
            connection.sendall(part)
        time.sleep(PAUSE)
        for _ in messages:
            try:
                connection.sendall(frame(9, b""))
                time.sleep(0.1)
            except OSError:
                return


def ask(in_one):
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    threading.Thread(target=serve, args=(listener, context, in_one), daemon=True).start()
    configuration = client.Configuration(host="https://127.0.0.1:%d" % listener.getsockname()[1])
    configuration.verify_ssl = False
    core = client.CoreV1Api(client.ApiClient(configuration))
    begin = time.monotonic()
    said = stream(core.connect_get_namespaced_pod_exec, "p", "n", command=["c"], stdout=True, stderr=True)
    return said, time.monotonic() - begin


said, seconds = ask(in_one=False)
print(f"in writes of their own: {said!r} after {seconds:.1f} s")
assert said == "one\ntwo\n" and seconds < PAUSE
said, seconds = ask(in_one=True)
print(f"in one write: {said!r} after {seconds:.1f} s")
assert said == "one\ntwo\n" and seconds >= PAUSE, "the client sees what has come: this has changed"
PY
PYTHONPATH=$dir/root/usr/lib/python3/dist-packages PYTHONWARNINGS=ignore /usr/bin/python3 look.py
