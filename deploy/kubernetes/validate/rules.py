"""Our own rules: what a schema cannot say."""

import re

from render import title

# What has to be said, whatever else is; None is for what must not be.
POD = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "hostNetwork": None,
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
}
CONTAINER = {
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": None},
        "privileged": None,
        "readOnlyRootFilesystem": True,
        "runAsUser": None,
    },
}
DEPLOYMENT = {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}
SERVICE = {
    "livenessProbe": {"httpGet": {"path": "/livez", "port": "operations"}},
    "readinessProbe": {"httpGet": {"path": "/readyz", "port": "operations"}},
}
CERTIFICATE = {"isCA": None, "privateKey": {"rotationPolicy": "Always"}}
USAGES = {"digital signature", "server auth", "client auth"}
DENY_ALL = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
SPREAD_OVER = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
CONSUL_PORT = 8500
# The port, and the setting of those that may call it.
DATABASE = (5432, "DATABASE_URL")
BUS = (4222, "NATS_URL")


def broken(render, sources, secrets):
    """What does not keep to the rules."""
    yield from objects(render)
    yield from found(render)
    yield from separated(render)
    yield from certified(render, sources)
    yield from kept(render, secrets)
    for pod in render.pods:
        yield from (f"{pod}: {problem}" for problem in hardened(render, pod))
    for deployment in render.of("Deployment"):
        name = deployment["metadata"]["name"]
        settings = render.settings(name)
        problems = [
            *replicated(render, name, deployment["spec"]),
            *probed_and_drained(render, name, settings, sources),
            *configured(render, name, settings, sources),
            *entrusted(render, name, settings, secrets),
            *connected(render, name, settings, sources),
            *told(render, name, settings, sources, secrets),
            *proven(render, name, settings, sources),
            *observed(render, name, settings),
        ]
        yield from (f"{name}: {problem}" for problem in problems)


def differences(expected, actual, path):
    """Where `actual` does not say what `expected` does; it may say more."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            yield from differences(value, (actual or {}).get(key), f"{path}.{key}")
    elif expected != actual:
        yield f"{path} is {actual}, not {expected}"


def objects(render):
    for thing in render.objects:
        if thing["kind"] != "Namespace" and thing["metadata"].get("namespace") != "joist":
            yield f"{title(thing)} is not in the namespace"
        if thing["kind"] == "Secret":
            yield f"{title(thing)} is no secret any more"


def found(render):
    """Services lead to pods, and an Ingress to a Service."""
    for name, service in render.services.items():
        pods = render.selected({"matchLabels": service["selector"]})
        for port in service["ports"]:
            if not pods or not all(render.port(pod, port["targetPort"]) for pod in pods):
                yield f"Service {name} selects {pods} for its port {port['targetPort']}"
        if service.get("publishNotReadyAddresses"):
            yield f"Service {name} leads to pods that are not ready"
    for ingress in render.of("Ingress"):
        paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
        for backend in (path["backend"]["service"] for path in paths):
            ports = render.services.get(backend["name"], {}).get("ports", [])
            if backend["port"]["name"] not in {port["name"] for port in ports}:
                yield f"{title(ingress)} leads to {backend}, which is not there"


def separated(render):
    """Nobody may call whom nobody says that he may; what is said is said for both sides."""
    if not any(policy["spec"] == DENY_ALL for policy in render.of("NetworkPolicy")):
        yield "what no policy allows is allowed"
    egress, ingress = set(render.calls("egress")), set(render.calls("ingress"))
    for caller, callee, port in egress ^ ingress:
        if caller in render.pods and callee in render.pods:
            yield f"only one side has a policy for {caller} to call {callee} at {port}"
    for caller, callee, port in egress | ingress:
        if port is None:
            yield f"{caller} may call {callee} at any port, or at one that is not there"
    for server, setting in (DATABASE, BUS):
        callers = {caller for caller, _, port in egress if port == server}
        users = {pod for pod in render.pods if setting in render.settings(pod)}
        if callers != users:
            yield f"the server at {server} may be called by {sorted(callers)}, and is used by {sorted(users)}"


def certified(render, sources):
    """What cert-manager is to make proves who a service is, to those that it calls and to those that call it."""
    made = {thing["metadata"]["name"]: thing["spec"] for thing in render.of("Certificate")}
    issuers = {thing["metadata"]["name"] for thing in render.of("Issuer")}
    for name, spec in made.items():
        if spec["issuerRef"]["name"] not in issuers:
            yield f"nobody signs the certificate of {name}"
        if name not in render.pods:
            continue
        yield from (f"Certificate {name}: {problem}" for problem in differences(CERTIFICATE, spec, "spec"))
        if spec["secretName"] != f"{name}-tls" or set(spec["usages"]) != USAGES:
            yield f"Certificate {name} is in {spec['secretName']}, for {spec['usages']}"
        if not re.fullmatch(rf"spiffe://[a-z0-9.-]+/ns/joist/svc/{name}", " ".join(spec["uris"])):
            yield f"Certificate {name} proves {spec['uris']}"
    for name in [deployment["metadata"]["name"] for deployment in render.of("Deployment")] if made else []:
        if (name in made) != sources.is_in_the_mesh(name):
            yield f"{name} gets no certificate, or needs none"


def kept(render, secrets):
    """What a server is told survives it, and it is told its secrets."""
    for thing in render.of("StatefulSet"):
        pod, claims = thing["spec"]["template"]["spec"], thing["spec"].get("volumeClaimTemplates", [])
        mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        if not claims or not {claim["metadata"]["name"] for claim in claims} <= mounted:
            yield f"{title(thing)} has no disk"
        shown = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
        if shown != [f"{thing['metadata']['name']}-secrets"] or shown[0] not in secrets:
            yield f"{title(thing)} has the secrets {shown}"


def hardened(render, pod):
    """The restricted profile of Kubernetes, and what we add to it."""
    spec = render.pods[pod]["spec"]
    yield from differences(POD, spec, "spec")
    if not spec.get("securityContext", {}).get("runAsUser"):
        yield "no user is given, or root"
    for container in render.containers(pod):
        yield from differences(CONTAINER, container, container["name"])
        if not re.search(r":(?!latest$)[\w.-]+$", container["image"]):
            yield f"the image {container['image']} may be any"
        requests, limits = (container.get("resources", {}).get(key, {}) for key in ("requests", "limits"))
        if set(requests) != {"cpu", "memory"} or limits != {"memory": requests["memory"]}:
            yield f"it requests {requests} and is limited to {limits}"


def replicated(render, name, spec):
    """There are several, and an update or an emptied node takes one at a time."""
    yield from differences(DEPLOYMENT, spec, "spec")
    if render.selected(spec["selector"]) != [name]:
        yield f"it selects the pods of {render.selected(spec['selector'])}"
    scalers = [scaler["spec"] for scaler in render.of("HorizontalPodAutoscaler")]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    replicas = [scaler["minReplicas"] for scaler in scalers if scaler["scaleTargetRef"] == target]
    replicas += [spec["replicas"]] if "replicas" in spec else []
    if len(replicas) != 1 or replicas[0] < 2:
        yield f"the numbers of its replicas are {replicas}"
    budgets = [budget["spec"] for budget in render.of("PodDisruptionBudget")]
    if [budget.get("maxUnavailable") for budget in budgets if name in render.selected(budget["selector"])] != [1]:
        yield "it has no disruption budget of one, or several budgets"
    spread = spec["template"]["spec"].get("topologySpreadConstraints", [])
    if [rule["topologyKey"] for rule in spread if name in render.selected(rule["labelSelector"])] != SPREAD_OVER:
        yield f"it is not spread over {SPREAD_OVER}"


def probed_and_drained(render, name, settings, sources):
    """The program is asked where it answers, and has the time that it takes to end."""
    service = render.containers(name)[0]
    yield from differences(SERVICE, service, "service")
    is_called = bool(set(render.ports(name)) - {"operations"})
    sleep_s = service.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    drain_s = [int(settings.get(setting, 0)) for setting in ("DRAIN_DELAY_S", "DRAIN_TIMEOUT_S")]
    needed_s = sleep_s + sources.farewell_s + sum(drain_s)
    granted_s = render.pods[name]["spec"].get("terminationGracePeriodSeconds", 30)
    if bool(sleep_s) != is_called or not (all(drain_s) and needed_s < granted_s):
        yield f"it sleeps for {sleep_s} s, drains for {drain_s} s and needs {needed_s} s in all, of {granted_s} s"


def configured(render, name, settings, sources):
    """The program understands what it is told."""
    ports = set(render.ports(name).values())
    if ports != sources.ports(name):
        yield f"its ports are {sorted(ports)}, and it listens on {sorted(sources.ports(name))}"
    used = {setting for value in settings.values() for setting in re.findall(r"\$\((\w+)\)", value)}
    yield from (f"{setting} is no setting" for setting in settings.keys() - sources.settings - used)
    yield from (f"{setting} is used, and not set" for setting in used - settings.keys())


def entrusted(render, name, settings, secrets):
    """Its secrets are where it looks for them, and its database is the one that is meant."""
    volumes = render.pods[name]["spec"].get("volumes", [])
    names = {volume["name"]: volume["secret"]["secretName"] for volume in volumes if "secret" in volume}
    yield from (f"it sees {secret}" for secret in names.values() if not secret.startswith(f"{name}-"))
    mounts = render.containers(name)[0].get("volumeMounts", [])
    files = {f"{mount['mountPath']}/{key}" for mount in mounts for key in secrets.get(names.get(mount["name"]), [])}
    for setting, value in settings.items():
        if setting.endswith("_FILE") and value not in files:
            yield f"{setting} is {value}, and there are {sorted(files)}"
    host = re.search(r"@([\w.-]+)", settings.get("DATABASE_URL", ""))
    if host and host[1] not in render.services and "sslmode=verify-full" not in settings["DATABASE_URL"]:
        yield f"{host[1]} need not prove that it is the database"


def connected(render, name, settings, sources):
    """Whom it calls it can find, and may call."""
    allowed = {(callee, port) for caller, callee, port in render.calls("egress") if caller == name}
    if "CONSUL_URL" in settings and ("anybody", CONSUL_PORT) not in allowed:
        yield "it may not call the Consul agent"
    for setting in sources.peers(name):
        url = settings.get(setting, "")
        if url.startswith("consul:///") and "CONSUL_URL" in settings:
            continue
        address = re.match(r"(dns:///|http://)([\w-]+):(\d+)", url)
        service = render.services.get(address[2]) if address else None
        callees = render.selected({"matchLabels": service["selector"]}) if service else []
        if not callees or not {(callee, int(address[3])) for callee in callees} <= allowed:
            yield f"{setting} is {url}, where it finds nobody that it may call"
        elif address[1] == "dns:///" and service.get("clusterIP") != "None":
            yield f"{setting} is {url}, a name with one address"


def told(render, name, settings, sources, secrets):
    """It comes to the bus, as the user that it is, and with that user's password."""
    if not sources.is_on_the_bus(name):
        return
    host, _, port = settings.get("NATS_URL", "").removeprefix("nats://").rpartition(":")
    servers = render.selected({"matchLabels": render.services[host]["selector"]}) if host in render.services else []
    allowed = {(callee, str(port)) for caller, callee, port in render.calls("egress") if caller == name}
    if not servers or not {(server, port) for server in servers} <= allowed:
        yield f"NATS_URL is {settings.get('NATS_URL')}, where it finds nobody that it may call"
    if settings.get("NATS_USER") != name:
        yield f"it says to NATS that it is {settings.get('NATS_USER')}"
    password = secrets.get(f"{name}-secrets", {}).get("nats_password")
    if f'{name}_password: "{password}"' not in secrets["nats-secrets"]["passwords.conf"]:
        yield "NATS has another password for it"


def proven(render, name, settings, sources):
    """It proves who it is, by its own certificate, and is called by those only that the policies let through."""
    if not sources.is_in_the_mesh(name):
        if set(render.ports(name)) != {"operations"}:
            yield "it is called, and need not prove who it is"
        return
    if settings.get("PEER_TLS") not in ("files", "consul"):
        yield "it need not prove who it is"
    volumes = {volume["name"]: volume for volume in render.pods[name]["spec"].get("volumes", [])}
    mounts = {mount["mountPath"]: mount for mount in render.containers(name)[0].get("volumeMounts", [])}
    if any("subPath" in mount for mount in mounts.values()):
        yield "it would never see that a secret is renewed"
    if settings.get("PEER_TLS") == "files":
        folders = {settings.get(f"PEER_TLS_{file}_FILE", "").rpartition("/")[0] for file in ("CERTIFICATE", "KEY", "CA")}
        shown = [volumes[mounts[folder]["name"]]["secret"]["secretName"] for folder in folders & mounts.keys()]
        if shown != [f"{name}-tls"]:
            yield f"it proves who it is by {shown}"
    for setting in sources.peers(name):
        if settings.get(setting, "").startswith("http://"):
            yield f"{setting} need not prove who it is"
    callers = {caller for caller, callee, _ in render.calls("ingress") if callee == name and caller in render.pods}
    allowed = set(filter(None, settings.get("ALLOWED_CALLERS", "").split(",")))
    if callers != allowed:
        yield f"the policies let {sorted(callers)} through, and it allows {sorted(allowed)}"


def observed(render, name, settings):
    """Its metrics are found, and it may send the rest to where it is told to."""
    metrics = {"scrape": "true", "path": "/metrics", "port": str(render.ports(name).get("operations"))}
    expected = {f"prometheus.io/{key}": value for key, value in metrics.items()}
    yield from differences(expected, render.pods[name]["metadata"].get("annotations"), "annotations")
    collector = re.fullmatch(r"http://[\w-]+\.([\w-]+):(\d+)", settings.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": collector[1]}}} if collector else None
    if not collector or (name, str(peer), int(collector[2])) not in set(render.calls("egress")):
        yield "it may not call the collector"
