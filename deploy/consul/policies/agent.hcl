# The agent by itself: it tells the catalogue of its node, and compares what it looks after with what is known there.
node "consul" {
  policy = "write"
}
service_prefix "" {
  policy = "read"
}
