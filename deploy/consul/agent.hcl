# What Consul asks of whoever talks to it. The file is understood from 1.8 on.

# Nobody may do anything without a token. access.sh makes them.
acl {
  enabled                  = true
  default_policy           = "deny"
  enable_token_persistence = true # the agent's own, which access.sh tells it once
}

# The authority that signs the certificates by which the services know each other.
connect {
  enabled = true
}
