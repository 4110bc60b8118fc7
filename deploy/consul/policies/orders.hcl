# orders: registers itself, gets its certificate, finds those that it calls, and follows its settings.
service "orders" {
  policy = "write"
}
service "users" {
  policy = "read"
}
node_prefix "" {
  policy = "read" # an instance is found together with its node
}
key_prefix "joist/orders/" {
  policy = "read"
}
