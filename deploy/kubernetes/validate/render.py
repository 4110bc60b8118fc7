"""A rendered overlay: what is in it, and how its parts refer to each other."""


class Render:
    def __init__(self, objects):
        self.objects = objects
        self.services = {service["metadata"]["name"]: service["spec"] for service in self.of("Service")}
        workloads = [thing for thing in objects if "template" in thing.get("spec", {})]
        self.pods = {workload["metadata"]["name"]: workload["spec"]["template"] for workload in workloads}

    def of(self, kind):
        return [thing for thing in self.objects if thing["kind"] == kind]

    def containers(self, pod):
        """The service's own is the first."""
        spec = self.pods[pod]["spec"]
        return spec["containers"] + spec.get("initContainers", [])

    def ports(self, pod):
        """By name."""
        ports = [port for container in self.containers(pod) for port in container.get("ports", [])]
        return {port["name"]: port["containerPort"] for port in ports}

    def port(self, pod, port):
        """By name or number; none where the pod has no such port."""
        ports = self.ports(pod)
        return port if port in ports.values() else ports.get(port)

    def selected(self, selector):
        """The pods that a selector means."""
        if set(selector) - {"matchLabels"}:
            raise NotImplementedError(f"nobody has taught this program {selector}")
        wanted = selector.get("matchLabels", {}).items()
        return [name for name, pod in self.pods.items() if wanted <= pod["metadata"]["labels"].items()]

    def settings(self, pod):
        """The variables of its first container; those that only a running pod has are empty."""
        maps = {config["metadata"]["name"]: config["data"] for config in self.of("ConfigMap")}
        container = self.containers(pod)[0]
        settings = {variable["name"]: variable.get("value", "") for variable in container.get("env", [])}
        for source in container.get("envFrom", []):
            settings = maps.get(source["configMapRef"]["name"], {}) | settings
        return settings

    def calls(self, direction):
        """Who may call whom at which port, as the policies for `egress`, or those for `ingress`, have it. Whoever is no
        pod of ours is told in the words of the policy. The port is None where it is any, or one that is not there."""
        side = {"egress": "to", "ingress": "from"}[direction]
        for policy in self.of("NetworkPolicy"):
            if direction.capitalize() not in policy["spec"]["policyTypes"]:
                continue
            for pod in self.selected(policy["spec"]["podSelector"]):
                for rule in policy["spec"].get(direction, []):
                    for peer in self.peers(rule.get(side)):
                        caller, callee = (pod, peer) if direction == "egress" else (peer, pod)
                        for port in [port.get("port") for port in rule.get("ports", [{}])]:
                            yield caller, callee, self.port(callee, port) if callee in self.pods else port

    def peers(self, peers):
        for peer in peers or ["anybody"]:
            ours = isinstance(peer, dict) and set(peer) == {"podSelector"}
            yield from self.selected(peer["podSelector"]) if ours else [str(peer)]


def title(thing):
    return f"{thing['kind']} {thing['metadata']['name']}"
