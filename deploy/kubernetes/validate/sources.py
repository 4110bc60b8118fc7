"""What the sources of the programs say of their settings."""

import re

SETTING = re.compile(r"#\[arg\(long, env[,)].*\n\s*pub (\w+): (.+),")
LISTENING = re.compile(r'default_value = "0\.0\.0\.0:(\d+)"')
ALLOCATOR = {"MIMALLOC_PURGE_DELAY"}  # which reads it by itself
FAREWELL = re.compile(r"FAREWELL_TIMEOUT: Duration = Duration::from_secs\((\d+)\)")


class Sources:
    def __init__(self, root):
        self.root = root
        files = [*root.glob("services/*/src/**/*.rs"), *root.glob("shared/*/src/**/*.rs")]
        found = [setting for file in files for setting in SETTING.findall(file.read_text())]
        # A secret is set by its file only.
        self.settings = {name.upper() + ("_FILE" if "Secret" in kind else "") for name, kind in found} | ALLOCATOR
        self.farewell_s = int(FAREWELL.search((root / "shared/lifecycle/src/process.rs").read_text())[1])

    def ports(self, service):
        """Where it listens if nobody says otherwise."""
        return {int(port) for port in LISTENING.findall(self.config(service))}

    def peers(self, service):
        """The settings that tell it where others are."""
        config = self.config(service)
        peers = [name.upper() for name, kind in SETTING.findall(config) if kind == "Peer"]
        return peers + ["TOKEN_JWKS_URL"] * ("identity::Config" in config)

    def is_in_the_mesh(self, service):
        """Whether it calls another, or is called, and so has to prove who it is."""
        return "identity::MeshConfig" in self.config(service)

    def is_on_the_bus(self, service):
        """Whether it tells of events, or hears of them."""
        return "events::Config" in self.config(service)

    def config(self, service):
        return (self.root / f"services/{service}/src/config.rs").read_text()
