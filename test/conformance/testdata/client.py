"""Checks of the official Python client. Each prints a line when it holds; the first that does not ends the program."""

import copy
import json
import os
import sys
import tempfile
import threading

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.stream import portforward, stream

config.load_kube_config(sys.argv[1])
NAMESPACE = "python"
core = client.CoreV1Api()
apps = client.AppsV1Api()
batch = client.BatchV1Api()
custom = client.CustomObjectsApi()


def pod(name, command, **extra):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": "host", "command": ["sh", "-c", command]}],
            **extra,
        },
    }


def refused(call, status):
    """The API's answer to a call that it must refuse."""
    try:
        call()
    except ApiException as error:
        assert error.status == status, (error.status, error.body)
        return error.body
    raise AssertionError("the call should have been refused")


def when(resource_list, holds, **options):
    """Watches until one event's object is as wanted."""
    for event in watch.Watch().stream(resource_list, timeout_seconds=60, **options):
        if holds(event["object"]):
            return event["object"]
    raise AssertionError("no such event")


def namespaces():
    made = core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
    assert made.status.phase == "Active"
    assert NAMESPACE in [each.metadata.name for each in core.list_namespace().items]
    when(
        core.list_namespaced_service_account,
        lambda account: account.metadata.name == "default",
        namespace=NAMESPACE,
    )


def config_maps():
    body = client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name="settings", labels={"a": "b"}),
        data={"colour": "blue"},
        binary_data={"raw": "AAEC"},
    )
    made = core.create_namespaced_config_map(NAMESPACE, body)
    assert made.binary_data == {"raw": "AAEC"}
    assert made.metadata.creation_timestamp.tzinfo is not None
    assert "already exists" in refused(lambda: core.create_namespaced_config_map(NAMESPACE, body), 409)
    old = copy.deepcopy(made)
    made.data["colour"] = "red"
    made = core.replace_namespaced_config_map("settings", NAMESPACE, made)
    assert "the object has been modified" in refused(
        lambda: core.replace_namespaced_config_map("settings", NAMESPACE, old), 409
    )
    # A dictionary is sent as a strategic merge patch, a list as a JSON patch.
    made = core.patch_namespaced_config_map("settings", NAMESPACE, {"data": {"size": "1", "colour": None}})
    assert made.data == {"size": "1"}
    made = core.patch_namespaced_config_map(
        "settings", NAMESPACE, [{"op": "replace", "path": "/data/size", "value": "2"}]
    )
    assert made.data == {"size": "2"}
    found = core.list_namespaced_config_map(NAMESPACE, label_selector="a in (b, c)")
    assert [each.metadata.name for each in found.items] == ["settings"]
    found = core.list_config_map_for_all_namespaces(field_selector="metadata.name=settings")
    assert [each.metadata.namespace for each in found.items] == [NAMESPACE]
    assert "not found" in refused(lambda: core.read_namespaced_config_map("none", NAMESPACE), 404)


def pages():
    for number in range(7):
        core.create_namespaced_config_map(
            NAMESPACE, {"metadata": {"name": f"page-{number}", "labels": {"pages": "yes"}}}
        )
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(NAMESPACE, label_selector="pages", limit=3, _continue=token)
        names += [each.metadata.name for each in page.items]
        token = page.metadata._continue
        if not token:
            break
        assert len(page.items) == 3
    assert names == [f"page-{number}" for number in range(7)]
    status = core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="pages")
    assert status.metadata is not None
    assert core.list_namespaced_config_map(NAMESPACE, label_selector="pages").items == []


def secrets():
    made = core.create_namespaced_secret(
        NAMESPACE, client.V1Secret(metadata={"name": "login"}, string_data={"password": "x"})
    )
    assert made.data == {"password": "eA=="} and made.string_data is None and made.type == "Opaque"


def pods():
    command = "echo hello; trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"
    core.create_namespaced_pod(NAMESPACE, pod("one", command))
    running = when(
        core.list_namespaced_pod,
        lambda each: each.status.phase == "Running",
        namespace=NAMESPACE,
        field_selector="metadata.name=one",
    )
    assert running.status.container_statuses[0].state.running.started_at is not None
    assert running.spec.node_name == "worker-1"


def logs():
    assert core.read_namespaced_pod_log("one", NAMESPACE) == "hello\n"
    for line in watch.Watch().stream(core.read_namespaced_pod_log, name="one", namespace=NAMESPACE):
        assert line == "hello"
        break


def executes():
    def run(command, **options):
        return stream(
            core.connect_get_namespaced_pod_exec,
            "one",
            NAMESPACE,
            command=["sh", "-c", command],
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            **options,
        )

    assert run("echo out; echo err >&2") in ("out\nerr\n", "err\nout\n")
    session = run("read line; echo got $line; exit 3", _preload_content=False)
    session.write_stdin("text\n")
    assert session.readline_stdout(timeout=30) == "got text"
    session.run_forever(timeout=30)
    assert session.returncode == 3


def port_forwards():
    server = (
        "import http.server as h\n"
        "h.HTTPServer(('127.0.0.1', 27891), h.SimpleHTTPRequestHandler).serve_forever()"
    )
    body = pod("web", "true")
    body["spec"]["containers"][0]["command"] = ["python3", "-c", server]
    body["spec"]["containers"][0]["readinessProbe"] = {
        "exec": {"command": ["python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 27891))"]},
        "periodSeconds": 1,
    }
    core.create_namespaced_pod(NAMESPACE, body)
    when(
        core.list_namespaced_pod,
        lambda each: any(c.type == "Ready" and c.status == "True" for c in each.status.conditions or []),
        namespace=NAMESPACE,
        field_selector="metadata.name=web",
    )
    forward = portforward(core.connect_get_namespaced_pod_portforward, "web", NAMESPACE, ports="27891")
    socket = forward.socket(27891)
    socket.setblocking(True)
    socket.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
    answer = b""
    while part := socket.recv(4096):
        answer += part
    socket.close()
    assert answer.startswith(b"HTTP/1.0 200 OK"), answer
    assert forward.error(27891) is None


def evictions():
    body = client.V1Eviction(metadata=client.V1ObjectMeta(name="web", namespace=NAMESPACE))
    core.create_namespaced_pod_eviction("web", NAMESPACE, body)
    for event in watch.Watch().stream(
        core.list_namespaced_pod, NAMESPACE, field_selector="metadata.name=web", timeout_seconds=60
    ):
        if event["type"] == "DELETED":
            return
    raise AssertionError("the pod is still there")


def deployments():
    template = pod("scaled", "sleep 1000")
    template = {"metadata": template["metadata"], "spec": template["spec"]}
    apps.create_namespaced_deployment(
        NAMESPACE,
        {
            "metadata": {"name": "scaled"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "scaled"}}, "template": template},
        },
    )
    when(
        apps.list_namespaced_deployment,
        lambda each: (each.status.available_replicas or 0) == 1,
        namespace=NAMESPACE,
    )
    scale = apps.patch_namespaced_deployment_scale("scaled", NAMESPACE, {"spec": {"replicas": 2}})
    assert scale.spec.replicas == 2 and scale.status.selector == "app=scaled"
    when(
        apps.list_namespaced_deployment,
        lambda each: (each.status.available_replicas or 0) == 2,
        namespace=NAMESPACE,
    )
    answer = apps.delete_namespaced_deployment("scaled", NAMESPACE, propagation_policy="Foreground")
    assert answer.status == "Success" or answer.kind == "Deployment"


def jobs():
    template = {"spec": {**pod("job", "exit 0")["spec"], "restartPolicy": "Never"}}
    batch.create_namespaced_job(NAMESPACE, {"metadata": {"name": "job"}, "spec": {"template": template}})
    done = when(batch.list_namespaced_job, lambda job: job.status.succeeded == 1, namespace=NAMESPACE)
    assert done.status.completion_time is not None


def custom_objects():
    definitions = client.ApiextensionsV1Api()
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    definitions.create_custom_resource_definition(
        {
            "metadata": {"name": "boats.python.example.com"},
            "spec": {
                "group": "python.example.com",
                "scope": "Namespaced",
                "names": {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": schema},
                        "subresources": {"status": {}},
                    }
                ],
            },
        }
    )
    when(
        definitions.list_custom_resource_definition,
        lambda each: any(c.type == "Established" and c.status == "True" for c in each.status.conditions or []),
        field_selector="metadata.name=boats.python.example.com",
    )
    where = ("python.example.com", "v1", NAMESPACE, "boats")
    boat = {"apiVersion": "python.example.com/v1", "kind": "Boat", "metadata": {"name": "argo"}, "spec": {"size": 1}}
    made = custom.create_namespaced_custom_object(*where, boat)
    assert made["spec"] == {"size": 1}
    made = custom.patch_namespaced_custom_object(*where, "argo", {"spec": {"size": 2}})
    assert made["spec"] == {"size": 2} and made["metadata"]["generation"] == 2
    wrong = {**boat, "metadata": {"name": "wrong"}, "spec": {"size": "big"}}
    body = refused(lambda: custom.create_namespaced_custom_object(*where, wrong), 422)
    assert 'spec.size in body must be of type integer: \\"string\\"' in body
    assert len(custom.list_namespaced_custom_object(*where)["items"]) == 1


def dynamic_clients():
    dynamic_client = dynamic.DynamicClient(client.ApiClient())
    boats = dynamic_client.resources.get(api_version="python.example.com/v1", kind="Boat")
    assert boats.get(name="argo", namespace=NAMESPACE).spec.size == 2
    calypso = {
        "apiVersion": "python.example.com/v1",
        "kind": "Boat",
        "metadata": {"name": "calypso"},
        "spec": {"size": 3},
    }
    # This version's own server_side_apply cannot send a dictionary.
    applied, status, _ = dynamic_client.client.call_api(
        f"/apis/python.example.com/v1/namespaces/{NAMESPACE}/boats/calypso",
        "PATCH",
        query_params=[("fieldManager", "python")],
        header_params={"Content-Type": "application/apply-patch+yaml"},
        body=json.dumps(calypso),
        auth_settings=["BearerToken"],
        response_type="object",
    )
    assert status == 201 and applied["spec"] == {"size": 3}
    assert [entry["manager"] for entry in applied["metadata"]["managedFields"]] == ["python"]
    services = dynamic_client.resources.get(api_version="v1", kind="Service")
    made = services.create(
        {"metadata": {"name": "front"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "one"}}},
        namespace=NAMESPACE,
    )
    assert made.spec.ports[0].targetPort == 80 and made.spec.clusterIP
    seen = []
    for event in services.watch(namespace=NAMESPACE, timeout=10):
        seen.append(event["object"].metadata.name)
        break
    assert seen == ["front"]
    assert services.status.get(name="front", namespace=NAMESPACE).status.loadBalancer is not None


def files():
    text = """
apiVersion: v1
kind: ConfigMap
metadata: { name: from-file }
data: { a: b }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]
"""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
        file.write(text)
    utils.create_from_yaml(client.ApiClient(), file.name, namespace=NAMESPACE)
    os.unlink(file.name)
    assert core.read_namespaced_config_map("from-file", NAMESPACE).data == {"a": "b"}
    role = client.RbacAuthorizationV1Api().read_namespaced_role("reader", NAMESPACE)
    assert role.rules[0].resources == ["pods"]


def reviews():
    authorization = client.AuthorizationV1Api()
    review = authorization.create_self_subject_access_review(
        {"spec": {"resourceAttributes": {"verb": "delete", "resource": "nodes"}}}
    )
    assert review.status.allowed is True
    token = core.create_namespaced_service_account_token(
        "default", NAMESPACE, client.AuthenticationV1TokenRequest(spec={"audiences": [], "expirationSeconds": 600})
    )
    seen = client.AuthenticationV1Api().create_token_review({"spec": {"token": token.status.token}})
    assert seen.status.user.username == f"system:serviceaccount:{NAMESPACE}:default"
    limited = client.Configuration.get_default_copy()
    limited.cert_file = limited.key_file = None
    limited.api_key = {"authorization": "Bearer " + token.status.token}
    as_account = client.CoreV1Api(client.ApiClient(limited))
    body = refused(lambda: as_account.list_namespaced_secret(NAMESPACE), 403)
    assert f'secrets is forbidden: User \\"system:serviceaccount:{NAMESPACE}:default\\" cannot list' in body


def expired_watches():
    try:
        for _ in watch.Watch().stream(
            core.list_namespaced_config_map, NAMESPACE, resource_version="1", timeout_seconds=5
        ):
            break
    except ApiException as error:
        assert error.status == 410, error.status


def elections():
    led = threading.Event()

    class Lock(ConfigMapLock):
        pass

    lock = Lock("leader", NAMESPACE, "me")
    elected = electionconfig.Config(
        lock, lease_duration=3, renew_deadline=2, retry_period=1, onstarted_leading=led.set, onstopped_leading=None
    )
    threading.Thread(target=leaderelection.LeaderElection(elected).run, daemon=True).start()
    assert led.wait(30)
    record = core.read_namespaced_config_map("leader", NAMESPACE).metadata.annotations
    assert '"holderIdentity": "me"' in record["control-plane.alpha.kubernetes.io/leader"]


def versions():
    version = client.VersionApi().get_code()
    assert (version.major, version.minor) == ("1", "33")
    groups = [group.name for group in client.ApisApi().get_api_versions().groups]
    assert "apps" in groups and groups[0] == "apiregistration.k8s.io"
    names = [each.name for each in client.CoreV1Api().get_api_resources().resources]
    assert "pods/exec" in names


def ends():
    core.delete_namespaced_pod("one", NAMESPACE, grace_period_seconds=0)
    core.delete_namespace(NAMESPACE)
    for event in watch.Watch().stream(
        core.list_namespace, field_selector=f"metadata.name={NAMESPACE}", timeout_seconds=90
    ):
        if event["type"] == "DELETED":
            break
    else:
        raise AssertionError("the namespace is still there")
    client.ApiextensionsV1Api().delete_custom_resource_definition("boats.python.example.com")


for check in [
    versions,
    namespaces,
    config_maps,
    pages,
    secrets,
    pods,
    logs,
    executes,
    port_forwards,
    evictions,
    deployments,
    jobs,
    custom_objects,
    dynamic_clients,
    files,
    reviews,
    expired_watches,
    elections,
    ends,
]:
    check()
    print(check.__name__.replace("_", " "), flush=True)
os._exit(0)
