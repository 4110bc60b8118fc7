"""Renders everything that can be deployed, and reports what is wrong with it."""

import subprocess
import sys
import tempfile
from collections import Counter
from os.path import relpath
from pathlib import Path

import kubernetes_validate
import yaml

from breakages import BREAKAGES, unfound
from render import Render, title
from rules import broken
from sources import Sources

HERE = Path(__file__).resolve().parent.parent

# The first version that lets a container sleep before it stops, and the newest whose schemas there are.
VERSIONS = ("1.30", "1.37")


def main():
    made = documents(run(HERE / "secrets.sh"))
    secrets = {secret["metadata"]["name"]: secret["stringData"] for secret in made}
    # Made by whoever runs Consul.
    secrets |= {f"{service}-consul": {"token": ""} for service in ("gateway", "users", "orders", "payments")}
    sources = Sources(HERE.parent.parent)
    problems = [f"secrets.sh: {problem}" for problem in invalid(made)]

    def against_the_rules(objects):
        return broken(Render(objects), sources, secrets)

    for name, objects in renders():
        report(name, objects)
        # The rules are for what is valid.
        found = list(invalid(objects)) or list(against_the_rules(objects))
        problems += [f"{name}: {problem}" for problem in found]
        if name == "production" and not found:
            problems += unfound(objects, against_the_rules)
    if problems:
        sys.exit("\n".join([*problems, f"Kubernetes: {len(problems)} problems"]))
    print("Kubernetes: valid for", " and ".join(VERSIONS), f"({len(BREAKAGES)} breakages were found)")


def renders():
    """Each overlay as it is, and with Consul."""
    for overlay in sorted((HERE / "overlays").iterdir()):
        yield overlay.name, documents(run("kubectl", "kustomize", overlay))
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch).resolve()
            parts = {"resources": overlay, "components": HERE / "components/consul"}
            relative = {part: [relpath(path, scratch)] for part, path in parts.items()}  # others are refused
            (scratch / "kustomization.yaml").write_text(yaml.safe_dump(relative))
            yield f"{overlay.name} with Consul", documents(run("kubectl", "kustomize", scratch))


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def documents(text):
    return list(yaml.safe_load_all(text))


def invalid(objects):
    """What the API's schemas say; an unknown field is an error."""
    for thing in objects:
        if thing["apiVersion"] == "cert-manager.io/v1":
            continue  # no part of Kubernetes; there are rules for it
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{title(thing)}: {'.'.join(map(str, error.path))}: {error.message} (Kubernetes {version})"
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{title(thing)}: {error.message}"


def report(name, objects):
    kinds = sorted(Counter(thing["kind"] for thing in objects).items())
    print(f"{name}: {len(objects)} objects:", ", ".join(f"{count} {kind}" for kind, count in kinds))


main()
