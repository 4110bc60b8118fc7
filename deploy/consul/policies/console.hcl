# Whoever is in Consul's own container: may look at everybody, and at their settings.
service_prefix "" {
  policy = "read"
}
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
key_prefix "joist/" {
  policy = "read"
}
