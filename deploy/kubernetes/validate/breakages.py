"""What the rules have to find: a valid overlay with one thing wrong at a time. A rule that finds nothing proves nothing."""

import copy

GONE = object()
POD = "spec.template.spec"
SERVICE = f"{POD}.containers.0"
NOBODY = {"app.kubernetes.io/name": "nobody"}
EVERYBODY = {"app.kubernetes.io/part-of": "joist"}

BREAKAGES = [
    ("Deployment", "users", "metadata.namespace", "default"),
    ("Deployment", "users", "spec.strategy.rollingUpdate.maxUnavailable", 1),
    ("Deployment", "users", "spec.replicas", 1),
    ("Deployment", "users", f"{POD}.automountServiceAccountToken", GONE),
    ("Deployment", "users", f"{POD}.securityContext.runAsNonRoot", False),
    ("Deployment", "users", f"{POD}.securityContext.runAsUser", 0),
    ("Deployment", "users", f"{POD}.terminationGracePeriodSeconds", 60),
    ("Deployment", "users", f"{POD}.topologySpreadConstraints", GONE),
    ("Deployment", "users", f"{POD}.volumes.0.secret.secretName", "orders-secrets"),
    ("Deployment", "users", f"{SERVICE}.image", "joist/users:latest"),
    ("Deployment", "users", f"{SERVICE}.image", "joist/users"),
    ("Deployment", "users", f"{SERVICE}.lifecycle", GONE),
    ("Deployment", "users", f"{SERVICE}.livenessProbe", GONE),
    ("Deployment", "users", f"{SERVICE}.readinessProbe.httpGet.path", "/livez"),
    ("Deployment", "users", f"{SERVICE}.readinessProbe.httpGet.port", "grpc"),
    ("Deployment", "users", f"{SERVICE}.resources.limits.memory", GONE),
    ("Deployment", "users", f"{SERVICE}.resources.limits.cpu", "1"),
    ("Deployment", "users", f"{SERVICE}.securityContext.capabilities.drop", []),
    ("Deployment", "users", f"{SERVICE}.securityContext.readOnlyRootFilesystem", False),
    ("Deployment", "users", f"{SERVICE}.ports.0.containerPort", 50059),
    ("Deployment", "users", f"{SERVICE}.env.0.name", "DATABASE_ULR"),
    ("Deployment", "users", f"{SERVICE}.env.0.value", "postgres://users@postgres.example.com/users"),
    ("Deployment", "users", f"{SERVICE}.env.1.value", "/run/secrets/nothing"),
    ("Deployment", "users", "spec.template.metadata.annotations", GONE),
    ("Deployment", "users", f"{SERVICE}.env.3.value", "gateway"),
    ("Deployment", "users", f"{POD}.volumes.1.secret.secretName", "orders-tls"),
    ("Deployment", "users", f"{SERVICE}.volumeMounts.0.subPath", "tls.crt"),
    ("Deployment", "users", f"{SERVICE}.volumeMounts.0.mountPath", "/run/elsewhere"),
    ("Deployment", "payments", f"{SERVICE}.env.2.value", "nats://elsewhere:4222"),
    ("Deployment", "payments", f"{SERVICE}.env.2.value", "nats://nats:4223"),
    ("Deployment", "payments", f"{SERVICE}.env.3.value", "orders"),
    ("Deployment", "payments", f"{SERVICE}.env.4.value", "/run/secrets/nothing"),
    ("Deployment", "payments", f"{SERVICE}.env.2", GONE),
    ("Deployment", "payments", f"{SERVICE}.ports.0.containerPort", 9089),
    ("Deployment", "payments", f"{SERVICE}.lifecycle", {"preStop": {"sleep": {"seconds": 35}}}),
    ("Deployment", "payments", f"{POD}.volumes.0.secret.secretName", "orders-secrets"),
    ("Deployment", "payments", "spec.template.metadata.labels.joist/bus", GONE),
    ("StatefulSet", "nats", f"{SERVICE}.securityContext.readOnlyRootFilesystem", False),
    ("StatefulSet", "nats", f"{SERVICE}.resources.limits.memory", "1Gi"),
    ("StatefulSet", "nats", f"{SERVICE}.ports.0.containerPort", 4223),
    ("StatefulSet", "nats", f"{POD}.volumes.1.secret.secretName", "orders-secrets"),
    ("StatefulSet", "nats", "spec.volumeClaimTemplates", GONE),
    ("ConfigMap", "mesh", "data.PEER_TLS", "off"),
    ("ConfigMap", "mesh", "data.PEER_TLS", GONE),
    ("ConfigMap", "mesh", "data.PEER_TLS_CA_FILE", "/run/secrets/ca.crt"),
    ("ConfigMap", "mesh", "data.TOKEN_JWKS_URL", "http://users:8081/.well-known/jwks.json"),
    ("Certificate", "users", "metadata.name", "nobody"),
    ("Certificate", "users", "spec.isCA", True),
    ("Certificate", "users", "spec.issuerRef.name", "nobody"),
    ("Certificate", "users", "spec.privateKey.rotationPolicy", "Never"),
    ("Certificate", "users", "spec.secretName", "orders-tls"),
    ("Certificate", "users", "spec.uris", ["spiffe://joist/ns/joist/svc/orders"]),
    ("Certificate", "users", "spec.uris.0", "spiffe://joist/ns/default/svc/users"),
    ("Certificate", "users", "spec.usages", ["server auth"]),
    ("NetworkPolicy", "monitoring", "spec.egress.0.ports.0.port", 4318),
    ("PodDisruptionBudget", "users", "spec.selector.matchLabels", NOBODY),
    ("PodDisruptionBudget", "users", "spec.maxUnavailable", 2),
    ("HorizontalPodAutoscaler", "users", "spec.scaleTargetRef.name", "nobody"),
    ("HorizontalPodAutoscaler", "users", "spec.minReplicas", 1),
    ("Service", "users", "spec.selector", NOBODY),
    ("Service", "users", "spec.ports.0.targetPort", "nothing"),
    ("Service", "users", "spec.clusterIP", GONE),
    ("Service", "users", "spec.publishNotReadyAddresses", True),
    ("NetworkPolicy", "deny-all", "spec.policyTypes", ["Ingress"]),
    ("NetworkPolicy", "users", "spec.ingress.0.ports.0.port", 50059),
    ("NetworkPolicy", "gateway", "spec.egress.0.ports", GONE),
    ("NetworkPolicy", "database", "spec.podSelector.matchLabels", EVERYBODY),
    ("NetworkPolicy", "bus", "spec.podSelector.matchLabels", EVERYBODY),
    ("NetworkPolicy", "bus", "spec.egress.0.ports.0.port", 4223),
    ("NetworkPolicy", "nats", "spec.ingress.0.from", GONE),
    ("Ingress", "gateway", "spec.rules.0.http.paths.0.backend.service.name", "nobody"),
]


def unfound(objects, find):
    """The breakages in which `find` finds nothing."""
    for kind, name, path, value in BREAKAGES:
        broken = copy.deepcopy(objects)
        [thing] = [thing for thing in broken if thing["kind"] == kind and is_called(thing, name)]
        put(thing, path.split("."), value)
        if not list(find(broken)):
            yield f"no rule says that {path} of {kind} {name} must not be {'missing' if value is GONE else value}"


def is_called(thing, name):
    called = thing["metadata"]["name"]
    # What is in it is a part of a generated name.
    return name == (called.rpartition("-")[0] if thing["kind"] == "ConfigMap" else called)


def put(thing, path, value):
    *way, last = [int(part) if part.isdigit() else part for part in path]
    for part in way:
        thing = thing[part]
    if value is GONE:
        del thing[last]
    else:
        thing[last] = value
