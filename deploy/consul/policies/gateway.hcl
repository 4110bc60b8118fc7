# gateway: registers itself, gets its certificate, finds those that it calls, and follows its settings.
service "gateway" {
  policy = "write"
}
service "orders" {
  policy = "read"
}
service "users" {
  policy = "read"
}
node_prefix "" {
  policy = "read" # an instance is found together with its node
}
key_prefix "joist/gateway/" {
  policy = "read"
}
