from __future__ import annotations

from keelmark.formats.kubernetes import READER
from keelmark.formats.source import Source

TWO = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    spec:
      hostNetwork: true
      securityContext: {runAsNonRoot: true, runAsUser: 1000}
      volumes:
        - {name: sock, hostPath: {path: /var/run/docker.sock}}
      containers:
        - name: web
          image: api:1
          ports: [{containerPort: 80, hostPort: 8080}]
          securityContext:
            privileged: true
            allowPrivilegeEscalation: false
            runAsUser: 0
            capabilities: {add: [NET_ADMIN], drop: [ALL]}
          env:
            - {name: A, value: b}
            - {name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}
          resources: {limits: {memory: 1Gi}}
          args: [--x]
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {password: hunter2}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: t, image: busybox}]}}}}}
"""


def source(text: str, path: str = "k8s/app.yaml") -> Source:
    return Source.of_bytes(text.encode(), path=path)


def test_workloads_become_services_and_the_rest_resources():
    (reading,) = READER.read(source(TWO))
    web, tick = reading.services
    assert (web.name, web.image, web.is_privileged, web.run_as_user) == ("api/web", "api:1", True, "0")
    assert web.ports == ("8080:80",)
    settings = set(web.settings)
    assert {
        ("hostNetwork", "true"),
        ("hostPath", "/var/run/docker.sock"),
        ("cap_add", "NET_ADMIN"),
    } <= settings
    assert {("allowPrivilegeEscalation", "false"), ("runAsNonRoot", "true"), ("runAsUser", "0")} <= settings
    assert web.environment == (("A", "b"), ("P", "<secretKeyRef>"))
    assert web.limits == ("memory=1Gi",)
    assert tick.name == "tick/t"
    assert [resource.kind for resource in reading.resources] == ["Secret"]


def test_values_of_a_secret_are_not_kept():
    (reading,) = READER.read(source(TWO))
    assert "hunter2" not in repr(reading)
    assert ("stringData.password", "***") in {entry[:2] for entry in reading.resources[0].attributes}


def test_helm_template_is_a_gap():
    (reading,) = READER.read(source("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n"))
    assert "Helm" in reading.gaps[0].detail


def test_argo_expressions_are_no_helm_template():
    text = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\nspec: {a: '{{inputs.x}}'}\n"
    )
    (reading,) = READER.read(source(text))
    assert reading.resources[0].kind == "Workflow"


def test_alert_texts_are_no_helm_template():
    text = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: r}\nspec: {a: 'on {{ $labels.x }}'}\n"
    (reading,) = READER.read(source(text))
    assert reading.resources[0].kind == "PrometheusRule"


def test_other_yaml_is_not_claimed():
    assert not READER.recognises(source("kind: pipeline\nname: x\n"))
    assert READER.read(source("apiVersion: backstage.io/v1alpha1\nkind: Component\n")) == ()


def test_lists_are_opened():
    text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: p}\n  spec: {containers: [{name: c, image: i}]}\n"
    assert READER.read(source(text))[0].services[0].name == "p/c"
